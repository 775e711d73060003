// The result page: picture, table and histogram share one highlighted particle and, once it is clicked, one chosen particle.
import { read, write } from "./address.js";
import { showHistogram } from "./histogram.js";
import { showMicrograph } from "./micrograph.js";
import { showParticles } from "./particles.js";
import { formatOne } from "./numbers.js";
import { ask } from "./portal_api.js";

const result = document.getElementById("result");
const readout = document.getElementById("readout");
const hint = readout.innerHTML;
const analysis = result.dataset.analysis;
const known = new Map();
let chosen = null;
let described = null;

const columns = [...document.querySelectorAll("#particles th[data-quantity]")].map((head) => ({
  name: head.dataset.quantity,
  label: head.querySelector(".label").textContent,
  unit: head.querySelector(".unit").textContent,
}));

const views = [];
views.push(await showMicrograph(result, { highlight, choose }));
if (Number(result.dataset.particles) > 0) {
  views.push(showHistogram(result, { particle }));
  views.push(showParticles(result, columns, { highlight, choose, remember, particle }));
}
const fromAddress = Number(read("particle"));
if (fromAddress > 0) choose(fromAddress, { reveal: true });

// Shown while pointed at or focused; afterwards the chosen particle, if any, is shown again.
function highlight(label) {
  const shown = label ?? chosen;
  for (const view of views) view.highlight(shown);
  describe(shown);
}

// The second click on a particle lets it go.
function choose(label, { reveal = false } = {}) {
  chosen = chosen === label && !reveal ? null : label;
  write({ particle: chosen });
  for (const view of views) view.choose(chosen);
  highlight(chosen);
}

function remember(rows) {
  for (const row of rows) known.set(row.label, row);
}

async function particle(label) {
  if (!known.has(label)) known.set(label, await ask(`/analyses/${analysis}/particles/${label}`));
  return known.get(label);
}

async function describe(label) {
  described = label;
  if (label === null) {
    readout.innerHTML = hint;
    return;
  }
  let values;
  try {
    values = await particle(label);
  } catch (error) {
    if (described === label) readout.textContent = error.message;
    return;
  }
  if (described !== label) return; // the pointer has moved on meanwhile
  const parts = columns.map(({ name, label: text, unit }) => {
    const value = typeof values[name] === "boolean" ? (values[name] ? "yes" : "no") : formatOne(values[name]);
    const part = document.createElement("span");
    const head = Object.assign(document.createElement("i"), { textContent: text });
    part.append(head, ` ${value}${unit && ` ${unit}`}`);
    return part;
  });
  readout.replaceChildren(...parts);
}
