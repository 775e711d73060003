// Handing in: the form opens a submission, then each file goes up as a request of its own, five side by side.
import Uppy from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import XHRUpload from "@uppy/xhr-upload";
import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";
import { isPixelSize, parseNumber, PIXEL_SIZE_NEEDED } from "./numbers.js";
import { remember, remembered } from "./person.js";
import { ask, messageOf } from "./portal_api.js";

const PARALLEL_UPLOADS = 5;
// Without any progress for so long an upload is called stalled; a large file takes its time to be stored at the end.
const STALLED_MS = 120_000;
// Somebody waits before the screen for so few files, unless they say otherwise.
const FEW_FILES = 5;

const form = document.getElementById("submit");
const start = document.getElementById("start");
const status = document.getElementById("status");
const refused = document.getElementById("refused");

let submission = null;
let busy = false;
let added = 0;

const uppy = new Uppy({
  // No smallest size: the server says what is wrong with an empty file.
  restrictions: { maxFileSize: Number(form.dataset.maxUploadBytes) },
  onBeforeFileAdded: (file, files) => {
    // Two different files may share name, size and date; the server knows them apart by their content.
    added += 1;
    return file.id in files ? { ...file, id: `${file.id}-${added}` } : true;
  },
});

uppy.use(Dashboard, {
  target: "#files",
  inline: true,
  width: "100%",
  height: 420,
  theme: "auto",
  proudlyDisplayPoweredByUppy: false,
  fileManagerSelectionType: "both",
  hideUploadButton: true,
  hideRetryButton: false,
  doneButtonHandler: null,
  singleFileFullScreen: false,
  showRemoveButtonAfterComplete: false,
  note: "TIFF, PNG, JPEG, BMP, DM3, DM4, EMD, SER, MRC and more, with their side-cars (.txt, .hdr, .emi); whole folders keep their paths",
  locale: {
    strings: {
      dropPasteBoth: "Drop micrographs or folders here, %{browseFiles} or %{browseFolders}",
      dropHint: "Drop micrographs or folders here",
      browseFiles: "choose files",
      browseFolders: "choose a folder",
      uploadFailed: "Some files did not arrive",
      dataUploadedOfUnknown: "%{complete} so far", // with an empty file among them the library does not know the total
      failedToUpload: "%{file} did not arrive",
    },
  },
});

uppy.use(XHRUpload, {
  method: "PUT",
  formData: false,
  limit: PARALLEL_UPLOADS,
  timeout: STALLED_MS,
  headers: { "Content-Type": "application/octet-stream" },
  endpoint: (file) => `/api/v1/submissions/${submission.id}/files?name=${encodeURIComponent(nameOf(file))}`,
  // What is wrong with the request stays wrong; only the line and a busy server deserve another try.
  shouldRetry: (request) => request.status === 0 || request.status === 429 || request.status >= 500,
  onAfterResponse: (request) => {
    if (request.status >= 400) throw new Error(messageOf(request.status, request.responseText));
  },
  getResponseData: (request) => JSON.parse(request.responseText),
});

// A name that is not proper Unicode (an old disk, a broken archive) still has to go up.
function nameOf(file) {
  return (file.meta.relativePath || file.data.name || file.name).replace(/^\/+/, "").toWellFormed();
}

uppy.on("files-added", refresh);
uppy.on("file-removed", refresh);
uppy.on("progress", (percent) => {
  if (busy) say(`Uploading, ${percent} %.`);
});
uppy.on("upload-error", (file, error) => showRefused(file, error.message));
uppy.on("upload-success", (file) => removeRefused(file));
// A retry begins in the dashboard as well as with our button.
uppy.on("upload", () => setBusy(true));
uppy.on("cancel-all", () => {
  setBusy(false);
  say(submission ? `Cancelled. What had arrived is analysed: ` : "");
  if (submission) status.append(linkToSubmission());
});
uppy.on("complete", ({ successful, failed }) => {
  setBusy(false);
  if (successful.length + failed.length === 0) return; // cancelled
  if (failed.length === 0) {
    location.assign(linkToSubmission().href);
    return;
  }
  say(`${failed.length} of ${uppy.getFiles().length} files did not arrive. The others are being analysed: `);
  status.append(linkToSubmission());
  refresh();
});

// A side-car that comes after its image has the image analysed twice.
function sideCarsFirst() {
  const isSideCar = (file) => /.\.(txt|hdr|emi)$/i.test(nameOf(file));
  const files = uppy.getFiles();
  const ordered = [...files.filter(isSideCar), ...files.filter((file) => !isSideCar(file))];
  uppy.setState({ files: Object.fromEntries(ordered.map((file) => [file.id, file])) });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (busy || uppy.getFiles().length === 0) return;
  const wanted = submission ? null : parameters(); // now, because fields that are disabled are not read
  setBusy(true);
  try {
    submission ??= await open(wanted);
    const failed = uppy.getFiles().filter((file) => file.error);
    if (failed.length > 0) await uppy.retryAll();
    sideCarsFirst();
    if (uppy.getFiles().some((file) => !file.progress.uploadStarted)) await uppy.upload();
  } catch (error) {
    setBusy(false);
    say(error.message);
    status.classList.add("failed-text");
  }
});

// Leaving now would cut the uploads off.
window.addEventListener("beforeunload", (event) => {
  if (busy) event.preventDefault();
});

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

// Few files are urgent until somebody chooses.
const priorityField = form.elements.priority;
let isPriorityChosen = false;
priorityField.addEventListener("change", () => (isPriorityChosen = true));
form.elements.person.value ||= remembered();

function proposePriority(n) {
  if (!isPriorityChosen && submission === null) priorityField.value = n > 0 && n <= FEW_FILES ? "interactive" : "normal";
}

function parameters() {
  const fields = new FormData(form);
  remember(fields.get("person").trim());
  return {
    person: fields.get("person").trim() || null,
    group: fields.get("group").trim() || null,
    priority: fields.get("priority"),
    project: fields.get("project"),
    sample: fields.get("sample").trim() || null,
    nm_per_px: pixelSize(),
    model: fields.get("model") || null,
    min_confidence: minConfidence(),
    images: fields.get("images"),
  };
}

function open(body) {
  return ask("/submissions", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

function linkToSubmission() {
  return Object.assign(document.createElement("a"), { href: `/submissions/${submission.id}`, textContent: `submission ${submission.id}` });
}

function setBusy(value) {
  busy = value;
  // What the submission was opened with no longer changes.
  for (const fields of form.querySelectorAll("fieldset.fields")) fields.disabled = busy || submission !== null;
  refresh();
}

function refresh() {
  const files = uppy.getFiles();
  const failed = files.filter((file) => file.error).length;
  const waiting = files.filter((file) => !file.progress.uploadStarted).length;
  proposePriority(files.length);
  start.disabled = busy || failed + waiting === 0;
  if (busy) start.textContent = "Uploading …";
  else if (failed > 0) start.textContent = `Retry ${countOf(failed)}`;
  else if (waiting > 0) start.textContent = `Analyse ${countOf(waiting)}`;
  else start.textContent = "Add files to begin";
}

const countOf = (n) => (n === 1 ? "1 file" : `${n} files`);

function say(text) {
  status.classList.remove("failed-text");
  status.textContent = text;
}

function showRefused(file, message) {
  removeRefused(file);
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = nameOf(file);
  item.dataset.file = file.id;
  item.append(name, ` ${message}`);
  refused.querySelector("ul").append(item);
  refused.hidden = false;
}

function removeRefused(file) {
  refused.querySelector(`li[data-file="${CSS.escape(file.id)}"]`)?.remove();
  refused.hidden = refused.querySelector("li") === null;
}
