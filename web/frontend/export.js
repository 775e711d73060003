// The form that asks for a file of results, follows it while a worker makes it, and offers it.
import { isUnderWay, untilEnded } from "./follow.js";
import { countOf, sizeOf } from "./numbers.js";
import { remember, remembered } from "./person.js";
import { ask } from "./portal_api.js";

const dialog = document.getElementById("export-dialog");
const form = document.getElementById("export-form");
const outcome = document.getElementById("export-outcome");
const [status, bar, made, cancel] = [".decision-status", "progress", ".made", "[data-cancel]"].map((one) => outcome.querySelector(one));
const problem = form.querySelector(".decide-error");

// The export that is followed.
let current = null;

// `selection` gives the query of what is selected at this moment; the form knows it where the page shows one thing.
export function setUpExport({ selection = () => form.dataset.selection } = {}) {
  form.elements.person.value ||= remembered();
  document.getElementById("open-export").addEventListener("click", () => dialog.showModal());
  form.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  cancel.addEventListener("click", cancelCurrent);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    make(selection());
  });
}

async function make(selection) {
  const button = form.querySelector(".primary");
  if (button.disabled) return;
  button.disabled = true;
  problem.textContent = "";
  outcome.hidden = true;
  try {
    const headers = { "Content-Type": "application/json" };
    current = await ask("/exports", { method: "POST", headers, body: JSON.stringify(body(selection)) });
    if (form.elements.person.value.trim()) remember(form.elements.person.value.trim());
    await follow();
  } catch (error) {
    problem.textContent = error.message;
  }
  button.disabled = false;
}

function body(selection) {
  const { format, counting_rule, weighting, quantity, bins, log_axis, person } = form.elements;
  const choices = {
    counting_rule: counting_rule.value,
    weighting: weighting.value,
    quantity: quantity.value,
    bins: bins.value ? Number(bins.value) : null,
    log_axis: log_axis.checked,
  };
  const { analysis } = form.dataset;
  const selected = analysis ? { analysis_ids: [Number(analysis)] } : { selection };
  return { format: format.value, ...selected, choices, person: person.value.trim() || null };
}

async function follow() {
  made.hidden = true;
  cancel.hidden = false;
  outcome.hidden = false;
  outcome.scrollIntoView({ block: "nearest" });
  const ended = await untilEnded(`/exports/${current.id}`, current, { say, tell, advance });
  cancel.hidden = true;
  if (ended.file === null) return;
  const link = made.querySelector("a");
  link.href = `/api/v1/exports/${ended.id}/file`;
  link.textContent = `Download ${ended.file.name}`;
  made.querySelector("small").textContent = sizeOf(ended.file.n_bytes);
  made.hidden = false;
  if (dialog.open) link.focus();
}

async function cancelCurrent() {
  try {
    await ask(`/exports/${current.id}/cancel`, { method: "POST" });
  } catch (error) {
    problem.textContent = error.message; // it has ended by itself, or the portal is away
  }
}

function say({ state, n_images: all }) {
  if (state === "queued") return "Waiting for a worker.";
  if (state === "running") return all === null ? "Being made." : `Being made of ${images(all)}.`;
  return state === "cancelled" ? "Cancelled." : `Made of ${images(all)}.`;
}

function tell(text, isFailure = false) {
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("failed-text", isFailure);
}

// Without a value the bar only shows that something goes on.
function advance(now) {
  bar.hidden = now === null || !isUnderWay(now);
  if (bar.hidden) return;
  if (now.n_images) Object.assign(bar, { max: now.n_images, value: now.n_done });
  else bar.removeAttribute("value");
}

const images = (n) => (n === 1 ? "1 image" : `${countOf(n)} images`);
