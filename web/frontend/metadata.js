// All fields of the file: asked for when somebody opens them, and narrowed down as one types.
import { countOf } from "./numbers.js";
import { ask } from "./portal_api.js";

export function showMetadata() {
  const details = document.getElementById("raw-fields");
  if (!details) return;
  const body = details.querySelector("tbody");
  const filter = document.getElementById("field-filter");
  const count = document.getElementById("field-count");
  let rows = null;
  let isLoading = false;

  async function load() {
    if (!details.open || rows || isLoading) return;
    isLoading = true;
    count.textContent = "Loading …";
    try {
      const { fields } = await ask(`/analyses/${details.dataset.analysis}/metadata`);
      rows = Object.entries(fields).map(([name, value]) => ({ text: `${name}\n${value}`.toLowerCase(), line: lineOf(name, value) }));
      body.replaceChildren(...rows.map(({ line }) => line));
      narrow();
    } catch (error) {
      count.textContent = error.message; // opening it again asks again
    }
    isLoading = false;
  }

  function narrow() {
    if (!rows) return;
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    for (const { text, line } of rows) {
      line.hidden = !text.includes(wanted);
      if (!line.hidden) shown += 1;
    }
    const all = rows.length;
    if (all === 0) count.textContent = "The file has no fields of its own.";
    else count.textContent = wanted ? `${countOf(shown)} of ${countOf(all)} fields` : `${countOf(all)} fields`;
  }

  details.addEventListener("toggle", load);
  filter.addEventListener("input", narrow);
  load();
}

function lineOf(name, value) {
  const line = document.createElement("tr");
  const head = Object.assign(document.createElement("th"), { scope: "row", textContent: name });
  line.append(head);
  line.insertCell().textContent = value;
  return line;
}
