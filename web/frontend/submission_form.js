// The form that says what micrographs belong to and how they are analysed: its numbers, and what the API gets.
import { isPixelSize, parseNumber, PIXEL_SIZE_NEEDED } from "./numbers.js";
import { remember, remembered } from "./person.js";

// Somebody waits before the screen for so few files, unless they say otherwise.
const FEW_FILES = 5;

const form = document.getElementById("submit");
const fieldsets = form.querySelectorAll("fieldset.fields");

// What a submission is opened with. To be asked while the fields are enabled: others are not read.
export function parameters() {
  const given = new FormData(form);
  remember(given.get("person").trim());
  return {
    person: given.get("person").trim() || null,
    group: given.get("group").trim() || null,
    priority: given.get("priority"),
    project: given.get("project"),
    sample: given.get("sample").trim() || null,
    nm_per_px: pixelSize(),
    model: given.get("model") || null,
    min_confidence: minConfidence(),
    images: given.get("images"),
  };
}

// Shows what a submission was opened with, which no longer changes.
export function show({ project, sample, images, person, group, priority, parameters: chosen }) {
  const about = { project, sample, images, person, group, priority };
  const values = { ...about, model: chosen.model, nm_per_px: chosen.nm_per_px, min_confidence: chosen.min_confidence };
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value ?? "";
}

export function enable(isOpen) {
  for (const fields of fieldsets) fields.disabled = !isOpen;
}

// Few files are urgent until somebody chooses.
const priorityField = form.elements.priority;
let isPriorityChosen = false;
priorityField.addEventListener("change", () => (isPriorityChosen = true));
form.elements.person.value ||= remembered();

export function proposePriority(nFiles) {
  if (!isPriorityChosen) priorityField.value = nFiles > 0 && nFiles <= FEW_FILES ? "interactive" : "normal";
}

// The text is read here, and read back.
const pixelSizeField = form.elements.nm_per_px;
const pixelSizeHint = document.querySelector("#pixel-size-hint");
const hintWithout = pixelSizeHint.textContent;
pixelSizeField.addEventListener("input", checkPixelSize);
checkPixelSize();

function checkPixelSize() {
  const value = pixelSize();
  const fits = value === null || isPixelSize(value);
  pixelSizeField.setCustomValidity(fits ? "" : PIXEL_SIZE_NEEDED);
  pixelSizeHint.textContent = value !== null && fits ? `1 px is ${value} nm.` : hintWithout;
}

// null where nothing is stated, NaN where the text is no number.
function pixelSize() {
  return pixelSizeField.value.trim() === "" ? null : parseNumber(pixelSizeField.value);
}

// What the server refuses is said at the field; it reads the number with a point.
const confidenceField = form.elements.min_confidence;
confidenceField.addEventListener("input", checkConfidence);
checkConfidence();

function checkConfidence() {
  const value = minConfidence();
  confidenceField.setCustomValidity(value >= 0 && value <= 1 ? "" : "A number between 0 and 1, such as 0.5 or 0,5.");
}

function minConfidence() {
  return parseNumber(confidenceField.value);
}
