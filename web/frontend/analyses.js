// A list of analyses or particles follows its form as one types; the address holds the query, so that a copied link shows the same.
import { editConditions } from "./conditions.js";
import { askPage } from "./portal_api.js";

const WAIT_MS = 300;

const form = document.getElementById("filter");
const found = document.getElementById("found");
const status = document.getElementById("filter-status");
let timer = null;
let request = null;

function query() {
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim()) asked.append(name, value.trim());
  return asked.toString();
}

function address() {
  const text = query();
  return text ? `${location.pathname}?${text}` : location.pathname;
}

async function load() {
  request?.abort();
  found.removeAttribute("aria-busy");
  const wrong = form.querySelector(":invalid");
  if (wrong) {
    tell(`${wrong.labels[0].querySelector("span").textContent}: ${wrong.title || wrong.validationMessage}`, true);
    return;
  }
  request = new AbortController();
  found.setAttribute("aria-busy", "true");
  try {
    const fresh = (await askPage(address(), { signal: request.signal })).getElementById("found");
    found.replaceChildren(...fresh.children);
    history.replaceState(history.state, "", address());
    tell(Number.parseInt(fresh.dataset.shown, 10) === 0 ? "Nothing fits." : `${fresh.dataset.shown} shown.`);
  } catch (error) {
    if (error.name === "AbortError") return;
    tell(error.message, true);
  }
  found.removeAttribute("aria-busy");
}

function tell(text, isFailure = false) {
  status.textContent = text;
  status.classList.toggle("failed-text", isFailure);
}

// Particles are looked at, not handed out: their page has no such form.
if (document.getElementById("export-dialog")) {
  const { setUpExport } = await import("./export.js");
  setUpExport({ selection: query });
}

function loadSoon() {
  clearTimeout(timer);
  timer = setTimeout(load, WAIT_MS);
}

editConditions(form, loadSoon);
form.addEventListener("input", loadSoon);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  load();
});
