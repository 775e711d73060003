// Draws a distribution by Observable Plot: bars or the cumulative curve, fitted curves, percentiles with their intervals.
import { areaY, axisX, axisY, dot, gridY, line, plot, rect, rectY, ruleX, ruleY, text } from "@observablehq/plot";
import { element } from "./elements.js";
import { countOf, decimalsFor, format, formatOne } from "./numbers.js";
import { make } from "./svg.js";

const NARROWEST_PX = 200;
const PERCENTILES = [["d10", "D10", 10], ["d50", "D50", 50], ["d90", "D90", 90]];
const NAME_PX = 32;
const NAME = { dx: 9, dy: 9, textAnchor: "start", fill: "currentColor", stroke: "var(--card)", strokeWidth: 3 };
const DASHES = { lognormal: null, normal: "7 4", weibull: "2 4" };
const SHAPE = {
  marginLeft: 52,
  marginRight: 14,
  marginBottom: 44,
  marginTop: 22,
  style: { fontSize: "12px", background: "none", overflow: "visible", fontFamily: "inherit", fontVariantNumeric: "tabular-nums" },
};
const CENTRED = { labelAnchor: "center", labelArrow: "none" };
const OF = { number: "particles", area: "area", volume: "volume" };

// `marked` is the value of a chosen particle, or null.
export function drawDistribution(figure, answer, look, marked) {
  const container = figure.querySelector(".plot");
  const width = Math.max(container.clientWidth, NARROWEST_PX);
  const isCumulative = look.view() === "cumulative";
  const x = { type: look.isLog() ? "log" : "linear", nice: false, domain: domainOf(answer, isCumulative) };
  const fits = answer.fits.filter((fit) => fit.curve !== null);
  const marks = isCumulative ? cumulativeMarks(answer, fits) : histogramMarks(answer, fits, look, placeIn(x, width));
  const drawn = plot({
    ...SHAPE,
    width,
    height: Math.round(Math.min(380, Math.max(230, width * 0.55))),
    x,
    y: isCumulative ? { domain: [0, 100] } : { domain: [0, highestOf(answer, fits)], nice: true },
    marks: [
      unreliable(answer, x.domain),
      gridY({ strokeOpacity: 0.14 }),
      ...marks,
      ruleY([0]),
      isMarked(marked, x.domain) ? ruleX([marked], { stroke: "var(--mark)", strokeWidth: 2 }) : null,
      axisX({ ...CENTRED, label: axisLabel(look), tickSpacing: 64, labelOffset: 38, tickFormat: look.isLog() ? tickOfLog(x.domain) : undefined }),
      axisY({ ...CENTRED, label: `Share of ${OF[look.weighting()]} ${isCumulative ? "below" : "per bin"} / %`, ticks: 5, labelOffset: 46 }),
    ].filter(Boolean),
  });
  drawn.removeAttribute("role");
  drawn.setAttribute("aria-hidden", "true"); // the caption and the tables say it in words
  container.setAttribute("aria-label", `${isCumulative ? "Cumulative curve" : "Histogram"} of ${axisLabel(look)}`);
  container.replaceChildren(drawn);
  figure.querySelector(".signs").replaceChildren(...signs(answer, x.domain, look, marked));
  figure.querySelector("#histogram-text").textContent = isCumulative ? sentenceOfCurve(answer, look) : sentenceOfBins(answer, look);
}

function sentenceOfBins({ bins: { edges, counts, shares } }, look) {
  const most = shares.indexOf(Math.max(...shares));
  const total = counts.reduce((sum, n) => sum + n, 0);
  return (
    `${countOf(total)} particle${total === 1 ? "" : "s"} in ${counts.length} bin${counts.length === 1 ? "" : "s"} from ` +
    `${formatOne(edges[0])} to ${withUnit(edges.at(-1), look)}; the fullest bin, ${formatOne(edges[most])} to ` +
    `${withUnit(edges[most + 1], look)}, has ${countOf(counts[most])}, ${percentOf(shares[most])} of the ${OF[look.weighting()]}.`
  );
}

function sentenceOfCurve({ summary }, look) {
  const below = PERCENTILES.map(([name, , percent]) => `${percent} % below ${withUnit(summary[name], look)}`);
  return `Of the ${OF[look.weighting()]}, ${below.join(", ")}.`;
}

export const percentOf = (share) => `${format(100 * share, decimalsFor([100 * share], 3))} %`;

const withUnit = (value, look) => `${formatOne(value)}${look.unit() && ` ${look.unit()}`}`;
const axisLabel = (look) => (look.unit() ? `${look.label()} / ${look.unit()}` : look.label());

const isMarked = (value, [low, high]) => value !== null && value >= low && value <= high;

// The bins; a cumulative curve of equal sizes needs some room around them.
function domainOf({ bins, cumulative }, isCumulative) {
  const [low, high] = [bins.edges[0], bins.edges.at(-1)];
  return isCumulative ? [Math.min(low, cumulative.sizes[0]), Math.max(high, cumulative.sizes.at(-1))] : [low, high];
}

// How far from the left, in px, a value is drawn.
function placeIn({ type, domain }, width) {
  const scaled = type === "log" ? Math.log : Number;
  const [low, high] = domain.map(scaled);
  return (value) => ((scaled(value) - low) / (high - low)) * (width - SHAPE.marginLeft - SHAPE.marginRight);
}

// Less than a decade has ticks at 2, 3, 5 as well; Plot's own format would leave most of them empty.
function tickOfLog(domain) {
  const isWide = domain[1] / domain[0] > 30;
  const written = (value) => (Number.isInteger(value) ? formatOne(value) : String(value));
  return (d) => (!isWide || /^[125]/.test(d.toExponential()) ? written(Number(d.toPrecision(3))) : "");
}

function highestOf({ bins }, fits) {
  // A curve that rises far above all bars shows that it does not hold; the bars stay readable.
  const highest = Math.max(...bins.shares);
  const curves = Math.max(0, ...fits.flatMap((fit) => fit.curve.shares));
  return 100 * Math.max(highest, Math.min(curves, 1.6 * highest)) * 1.04;
}

function histogramMarks({ bins, summary, intervals }, fits, look, place) {
  const { edges, counts, shares } = bins;
  const data = counts.map((count, i) => ({ from: edges[i], to: edges[i + 1], count, share: 100 * shares[i] }));
  const title = ({ from, to, count, share }) =>
    `${formatOne(from)} to ${withUnit(to, look)}: ${count} particle${count === 1 ? "" : "s"}, ${percentOf(share / 100)}`;
  const inset = counts.length > 60 ? 0 : 0.5;
  return [
    rectY(data, { x1: "from", x2: "to", y: "share", fill: "var(--bar)", insetLeft: inset, insetRight: inset, title }),
    ...(intervals ? PERCENTILES.map(([name]) => band(intervals[name])) : []),
    ...PERCENTILES.map(([name]) => ruleX([summary[name]], { stroke: "var(--ink)", strokeDasharray: name === "d50" ? "4 3" : "1 4" })),
    ...fits.map((fit) => curve(fit, fit.curve)),
    ...namesApart(summary, place),
  ];
}

const band = ({ low, high }) => rect([{ low, high }], { x1: "low", x2: "high", fill: "var(--ink)", fillOpacity: 0.16 });

// From where on sizes were fitted.
function curve({ family, truncated_at: from }, { sizes, shares }) {
  const points = sizes.map((size, i) => ({ size, share: 100 * shares[i] })).filter(({ size }) => size >= from);
  return line(points, { x: "size", y: "share", stroke: `var(--fit-${family})`, strokeWidth: 2.2, strokeDasharray: DASHES[family], clip: true });
}

function cumulativeMarks({ cumulative, summary, intervals }, fits) {
  const points = cumulative.sizes.map((size, i) => ({ size, share: 100 * cumulative.shares[i] }));
  const percentiles = PERCENTILES.map(([name, , percent]) => ({ size: summary[name], percent, ...intervals?.[name] }));
  return [
    areaY(points, { x: "size", y: "share", fill: "var(--bar)", fillOpacity: 0.16 }),
    line(points, { x: "size", y: "share", stroke: "var(--bar)", strokeWidth: 2.4 }),
    ...fits.map((fit) => curve(fit, fit.cumulative)),
    intervals ? ruleY(percentiles, { y: "percent", x1: "low", x2: "high", stroke: "var(--ink)", strokeWidth: 1.6, marker: "tick" }) : null,
    ...PERCENTILES.map(([name, label, percent]) => text([summary[name]], { ...NAME, x: (d) => d, y: percent, text: () => label })),
    dot(percentiles, { x: "size", y: "percent", r: 4, fill: "var(--ink)", stroke: "var(--card)" }),
  ].filter(Boolean);
}

// Names of percentiles stand where they do not cover each other; the middle one always.
function namesApart(summary, place) {
  const middle = place(summary.d50);
  const apart = PERCENTILES.filter(([name]) => name === "d50" || Math.abs(place(summary[name]) - middle) > NAME_PX);
  return apart.map(([name, label]) => text([summary[name]], { x: (d) => d, frameAnchor: "top", dy: -13, text: () => label, fill: "currentColor" }));
}

const reachesUnreliable = ({ smallest_reliable: limit }, domain) => limit !== null && limit > domain[0];

function unreliable(answer, domain) {
  if (!reachesUnreliable(answer, domain)) return null;
  const zone = [{ from: domain[0], to: Math.min(answer.smallest_reliable, domain[1]) }];
  return rect(zone, { x1: "from", x2: "to", fill: "var(--unreliable)" });
}

function signs(answer, domain, look, marked) {
  const found = [];
  if (reachesUnreliable(answer, domain)) {
    found.push(sign("zone", `below the smallest reliable diameter, ${withUnit(answer.smallest_reliable, look)}`));
  }
  if (answer.intervals) found.push(sign("interval", "95 % intervals of D10, D50, D90"));
  if (isMarked(marked, domain)) found.push(sign("marked", "the chosen particle"));
  return found;
}

function sign(name, words) {
  const svg = make("svg", { viewBox: "0 0 22 12", class: name, "aria-hidden": "true" });
  svg.append(name === "marked" ? make("path", { d: "M11 0V12" }) : make("rect", { width: 22, height: 12 }));
  return element("li", {}, svg, words);
}
