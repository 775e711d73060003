// The form that decides a pixel size: says what will be applied before it is, and sends it.
import { formatPixelSize, isPixelSize, parseNumber, PIXEL_SIZE_NEEDED } from "./numbers.js";
import { remember, remembered } from "./person.js";
import { ask } from "./portal_api.js";

const READINGS = new Set(["metadata", "scale_bar"]);

// `measuring` is there where a picture is, `sent` is called with the decision, `complain` with what went wrong.
export function setUpDecision(form, { measuring = () => null, sent, complain }) {
  const { person, comment, nm_per_px: value } = form.elements;
  const preview = form.querySelector(".preview");
  const instrument = form.querySelector('input[value="instrument"]');
  const isInstrumentOpen = instrument !== null && !instrument.disabled;
  person.value ||= remembered();

  const choice = () => form.elements.choice.value;
  const labelOf = (input) => input?.closest("label").querySelector("b").textContent ?? "";
  const checked = (name) => form.querySelector(`input[name="${name}"]:checked`);

  function show() {
    for (const part of form.querySelectorAll("[data-of]")) {
      part.hidden = part.dataset.of !== choice();
      for (const field of part.querySelectorAll("input")) field.disabled = part.hidden;
    }
    measuring()?.turn(choice() === "measured");
    limitInstrument();
    checkValue();
    preview.textContent = sentence();
  }

  // Every image has readings of its own; for an instrument there is a value only.
  function limitInstrument() {
    if (!isInstrumentOpen) return;
    const isClosed = READINGS.has(choice());
    const note = instrument.closest("label").querySelector("small");
    instrument.disabled = isClosed;
    instrument.closest("label").classList.toggle("closed", isClosed);
    note.textContent = isClosed ? "Every image has a reading of its own: choose a value for the instrument." : note.dataset.note;
    if (isClosed && instrument.checked) form.querySelector('input[value="image"]').checked = true;
  }

  function checkValue() {
    value.setCustomValidity(value.disabled || isPixelSize(parseNumber(value.value)) ? "" : PIXEL_SIZE_NEEDED);
  }

  function sentence() {
    const what = said();
    if (!what) return "";
    const scope = checked("scope");
    return `${what}, for ${scope ? labelOf(scope) : "all images of this submission"}`;
  }

  function said() {
    if (choice() === "manual") return value.validity.valid ? formatPixelSize(parseNumber(value.value)) : "";
    if (choice() === "measured") return measuring().nmPerPx() === null ? "" : formatPixelSize(measuring().nmPerPx(), 5);
    const note = form.dataset.analysis && READINGS.has(choice()) ? checked("choice").closest("label").querySelector("small") : null;
    return note ? `${labelOf(checked("choice"))}: ${note.textContent}` : labelOf(checked("choice"));
  }

  function body() {
    const scope = form.elements.scope.value;
    const request = { person: person.value.trim(), scope, choice: choice(), comment: comment.value.trim() || null };
    if (scope === "submission") request.submission_id = Number(form.dataset.submission);
    else request.analysis_id = Number(form.dataset.analysis);
    if (choice() === "manual") request.nm_per_px = parseNumber(value.value);
    if (choice() === "measured") {
      Object.assign(request, measuring().request(), { choice: "manual", analysis_id: Number(form.dataset.analysis) });
    }
    return request;
  }

  form.addEventListener("input", show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const apply = form.querySelector(".primary");
    if (apply.disabled) return;
    apply.disabled = true;
    complain("");
    try {
      const headers = { "Content-Type": "application/json" };
      const decision = await ask("/calibration-decisions", { method: "POST", headers, body: JSON.stringify(body()) });
      remember(person.value.trim());
      await sent(decision);
    } catch (error) {
      complain(error.message);
    }
    apply.disabled = false;
  });
  show();
  return { show, reset: () => resetButName(form, show) };
}

function resetButName(form, show) {
  const name = form.elements.person.value;
  form.reset();
  form.elements.person.value = name;
  show();
}
