// The result page: picture, table and distribution share one highlighted particle and, once it is clicked, one chosen particle.
import { read, write } from "./address.js";
import "./definitions.js";
import { showDistribution } from "./distribution.js";
import { showMicrograph } from "./micrograph.js";
import { showMetadata } from "./metadata.js";
import { setUpExport } from "./export.js";
import { formatOne } from "./numbers.js";
import { showParticles } from "./particles.js";
import { setUpPixelSize } from "./pixel_size.js";
import { ask, askPage } from "./portal_api.js";

const result = document.getElementById("result");
const readout = document.getElementById("readout");
const hint = readout.innerHTML;
const analysis = result.dataset.analysis;
const known = new Map();
let chosen = null;
let described = null;

const picture = showMicrograph(result, { highlight, choose });
const views = [picture];
let columns = [];
showNumbers();
showMetadata();
setUpPixelSize(result, renew);
setUpExport();
const fromAddress = Number(read("particle"));
if (fromAddress > 0) choose(fromAddress, { reveal: true });
// What was chosen before the outlines came is marked now.
picture.drawn.then(() => picture.choose(chosen));

// Distribution and table, in the unit that the pixel size gives.
function showNumbers() {
  columns = [...document.querySelectorAll("#particles th[data-quantity]")].map((head) => ({
    name: head.dataset.quantity,
    label: head.querySelector(".label").textContent,
    unit: head.querySelector(".unit").textContent,
  }));
  if (Number(result.dataset.particles) === 0) return;
  views.splice(1, 2, showDistribution(document.getElementById("distribution"), { particle }), showParticles(result, columns, { highlight, choose, remember, particle }));
}

// Another pixel size: what the server writes comes from it again, and the picture with its zoom and its particles stays.
async function renew() {
  const fresh = await askPage(location.href);
  const unitBefore = result.dataset.unit;
  Object.assign(result.dataset, fresh.getElementById("result").dataset);
  for (const part of document.querySelectorAll("[data-renewed]")) part.replaceWith(fresh.getElementById(part.id));
  if (result.dataset.unit !== unitBefore) {
    write({ sort: inUnit(read("sort"), result.dataset.unit), quantity: inUnit(read("quantity"), result.dataset.unit) });
  }
  known.clear();
  showNumbers();
  for (const view of views.slice(1)) view.choose(chosen);
  highlight(chosen);
}

// The same quantity in the other unit; places in the picture are in pixels always.
function inUnit(name, unit) {
  if (name === null || name.startsWith("centroid")) return name;
  if (unit === "px") return name.replace(/_nm2?$/, "_px");
  return name === "area_px" ? "area_nm2" : name.replace(/_px$/, "_nm");
}

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
