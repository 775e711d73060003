// What follows from sizes, asked for when its part of the card is opened: guidance, screening, arrangement.
import { axisX, axisY, gridY, line, plot, ruleY } from "@observablehq/plot";
import { percentOf } from "./distribution_plot.js";
import { element } from "./elements.js";
import { countOf, formatOne } from "./numbers.js";
import { ask } from "./portal_api.js";

const VERDICTS = {
  nano: "Nanomaterial: at least half of the particles are at most 100 nm in their smallest dimension.",
  "not nano": "No nanomaterial by size: more than half of the particles are above 100 nm in their smallest dimension.",
  undecided: "Undecided: the interval of the median holds 100 nm. More particles would decide.",
};
const TELL = { guidance: tellGuidance, screening: tellScreening, arrangement: tellArrangement };

export function showAssessments(card, look, addressOf) {
  const parts = [...card.querySelectorAll(".further[data-part]")];
  const requests = new Map();

  function queryFor(part) {
    const asked = part === "arrangement" ? {} : { counting_rule: look.rule() };
    if (part === "guidance" && look.isDiameter()) Object.assign(asked, { quantity: look.quantity(), weighting: look.weighting() });
    return Object.entries(asked);
  }

  async function load(details) {
    const { part } = details.dataset;
    const place = details.querySelector(".answer");
    const address = addressOf(part, queryFor(part));
    if (requests.get(part)?.address === address) return;
    requests.get(part)?.control.abort();
    const control = new AbortController();
    requests.set(part, { address, control });
    details.setAttribute("aria-busy", "true");
    if (!place.hasChildNodes()) place.textContent = "Being computed …";
    try {
      place.replaceChildren(...TELL[part](await ask(address, { signal: control.signal }), place));
    } catch (error) {
      if (error.name === "AbortError") return;
      requests.delete(part);
      place.replaceChildren(element("p", { className: "failed-text", textContent: error.message }));
    }
    details.removeAttribute("aria-busy");
  }

  for (const details of parts) details.addEventListener("toggle", () => details.open && load(details));
  return { renew: () => parts.filter((details) => details.open).forEach(load) };
}

const paragraph = (textContent, className = "") => element("p", { textContent, className });
const list = (texts) => element("ul", { className: "notes fine" }, ...texts.map((textContent) => element("li", { textContent })));

function tellScreening(found) {
  const title = paragraph("By Commission Recommendation 2022/C 229/01, from the smallest Feret diameters, by number.", "fine");
  if (found.verdict === null) return [title, paragraph(`– ${found.reason}`)];
  const { low, high } = found.interval;
  const numbers = `Median ${formatOne(found.x50_nm)} nm, 95 % interval ${formatOne(low)} to ${formatOne(high)} nm; ${ofWhat(found)}.`;
  return [title, paragraph(VERDICTS[found.verdict], "verdict"), paragraph(numbers), list(found.caveats)];
}

function tellGuidance(found) {
  if (found.reason !== null) return [paragraph(`– ${found.reason}`)];
  const asSure = `± ${formatOne(100 * found.target)} %`;
  const aims = [["D10", found.for_d10], ["D50", found.for_d50], ["D90", found.for_d90], ["Geometric mean", found.for_geometric_mean]];
  const rows = aims.map(([name, n]) => element("tr", {}, element("th", { scope: "row", textContent: name }), ...cellsOf(n, found.n_counted)));
  const head = element("tr", {}, ...["", "Particles needed", "Still missing"].map((textContent, i) => element("th", { scope: "col", className: i ? "n" : "", textContent })));
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  return [
    paragraph(`So that each is known to ${asSure} (95 %), by ${found.weighting}; ${ofWhat(found)}.`),
    element("div", { className: "scroll" }, table),
    found.curve.length ? narrowing(found) : paragraph("– Too few particles to see how the intervals narrow."),
    list(found.caveats),
  ];
}

function cellsOf(n, counted) {
  const missing = n === null ? "–" : n > counted ? countOf(n - counted) : "none";
  return [n === null ? "– too few to say" : countOf(n), missing].map((textContent) => element("td", { className: "n", textContent }));
}

function narrowing({ curve }) {
  const names = [["D10", "d10"], ["D50", "d50"], ["D90", "d90"]];
  const head = ["Particles", ...names.map(([label]) => `${label}, ±`)];
  const rows = curve.map((step) =>
    element("tr", {}, ...[countOf(step.n), ...names.map(([, name]) => percentOf(step[name]))].map((textContent) => element("td", { className: "n", textContent }))),
  );
  const table = element("table", {}, element("caption", { textContent: "How the intervals narrow as the sample grows" }));
  table.append(element("thead", {}, element("tr", {}, ...head.map((textContent) => element("th", { scope: "col", className: "n", textContent })))));
  table.append(element("tbody", {}, ...rows));
  return element("div", { className: "scroll" }, table);
}

function tellArrangement(found, place) {
  const density = found.density_per_um2 === null ? "–" : `${formatOne(found.density_per_um2)} per µm²`;
  const facts = element("p", {}, `Coverage ${percentOf(found.coverage)}, ${countOf(found.n_particles)} particles, ${density}.`);
  if (found.radial === null) return [facts, list(found.notes)];
  const { distances, g, unit } = found.radial;
  const points = distances.map((distance, i) => ({ distance, g: g[i] }));
  const drawn = plot({
    width: Math.max(240, place.clientWidth),
    height: 220,
    marginLeft: 46,
    marginBottom: 42,
    style: { fontSize: "12px", background: "none", fontFamily: "inherit" },
    x: { domain: [0, distances.at(-1)] },
    y: { domain: [0, Math.max(1.5, ...g)], nice: true },
    marks: [
      gridY({ strokeOpacity: 0.14 }),
      ruleY([0]),
      ruleY([1], { stroke: "var(--ink)", strokeDasharray: "4 3" }),
      line(points, { x: "distance", y: "g", stroke: "var(--bar)", strokeWidth: 2.2 }),
      axisX({ label: `Distance of centres / ${unit}`, labelAnchor: "center", labelArrow: "none", labelOffset: 36, tickSpacing: 64 }),
      axisY({ label: "g(r)", labelAnchor: "center", labelArrow: "none", ticks: 5 }),
    ],
  });
  const figure = element("figure", { className: "radial" }, drawn);
  drawn.setAttribute("aria-label", "Radial distribution g(r) of the centres");
  return [facts, figure, paragraph("g(r) is 1 where particles lie independently of each other, above 1 at distances that are frequent, below 1 at those that they avoid.", "fine"), list(found.notes)];
}

const ofWhat = ({ n_counted: counted, n_images: images, n_excluded: excluded }) =>
  `${countOf(counted)} particles of ${countOf(images)} image${images === 1 ? "" : "s"}${excluded ? `, ${countOf(excluded)} ${excluded === 1 ? "analysis" : "analyses"} left out` : ""}`;
