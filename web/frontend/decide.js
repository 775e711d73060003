// The form that decides a pixel size: says what will be applied before it is, sends it, and follows it until all obey.
import { countOf, formatPixelSize, parseNumber } from "./numbers.js";
import { remember, remembered } from "./person.js";
import { ask } from "./portal_api.js";

const [SMALLEST, LARGEST] = [1e-4, 1e6]; // nm/px that the portal takes
const POLL_MS = 400;
const LATER_POLL_MS = 2000;
const PATIENT_POLLS = 25;
const UNDER_WAY = new Set(["queued", "running"]);
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
    const number = parseNumber(value.value);
    const fits = number >= SMALLEST && number <= LARGEST;
    value.setCustomValidity(value.disabled || fits ? "" : `A number of nm between ${SMALLEST} and ${LARGEST}, such as 0.42 or 0,42.`);
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

// Asks until a decision is applied or has failed, and says each time how far it is.
export async function follow(decision, tell) {
  let now = decision;
  for (let polls = 0; UNDER_WAY.has(now.state); polls += 1) {
    tell(progressOf(now));
    await new Promise((resolve) => setTimeout(resolve, polls < PATIENT_POLLS ? POLL_MS : LATER_POLL_MS));
    try {
      now = await ask(`/calibration-decisions/${decision.id}`);
    } catch (error) {
      tell(`${error.message} The decision is kept; asking again.`);
    }
  }
  tell(now.state === "failed" ? failureOf(now) : outcomeOf(now), now.state === "failed");
  return now;
}

function progressOf({ state, n_changed: changed, n_analyses: all }) {
  return state === "queued" ? `Waiting to be applied to ${analyses(all)}.` : `Being applied: ${countOf(changed)} of ${analyses(all)}.`;
}

function outcomeOf({ n_changed: changed, n_analyses: all }) {
  if (changed === 0) return `Applied. Nothing had to change in ${analyses(all)}.`;
  return `Applied: ${countOf(changed)} of ${analyses(all)} changed.`;
}

function failureOf({ error_message: message, error_reference: reference }) {
  return reference ? `${message} Reference ${reference}.` : message;
}

const analyses = (n) => (n === 1 ? "1 analysis" : `${countOf(n)} analyses`);

function resetButName(form, show) {
  const name = form.elements.person.value;
  form.reset();
  form.elements.person.value = name;
  show();
}
