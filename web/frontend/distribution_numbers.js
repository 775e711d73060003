// The numbers beside the plot of a distribution: statistics with intervals, fits, what was counted, and what is missing and why.
import { element } from "./elements.js";
import { percentOf } from "./distribution_plot.js";
import { countOf, decimalsFor, format, formatOne } from "./numbers.js";
import { make } from "./svg.js";

const LENGTHS = ["mean", "d10", "d50", "d90"];
// D[q,p] of anything but a diameter means nothing.
const OF_DIAMETERS = new Set(["d10_mean", "d32", "d43"]);
const LOGARITHMIC = new Set(["geometric_mean", "gsd", "skewness"]); // given where all sizes are above 0
const PARAMETERS = {
  lognormal: { label: "Log-normal", location: "median", shape: "GSD" },
  normal: { label: "Normal", location: "mean", shape: "SD" },
  weibull: { label: "Weibull", location: "scale", shape: "exponent" },
};

export function tellNumbers(card, answer, look) {
  tellStatistics(card, answer, look);
  card.querySelector("#counted").textContent = countedOf(answer, look);
  tellFits(card, answer, look);
  tellBins(card, answer);
  card.querySelector("#distribution-notes").replaceChildren(...answer.notes.map((note) => element("li", { textContent: note })));
}

function tellStatistics(card, answer, look) {
  const values = { ...answer.summary, ...answer.moments };
  const decimals = decimalsFor(LENGTHS.map((name) => values[name]));
  for (const row of card.querySelectorAll("[data-statistic]")) {
    const name = row.dataset.statistic;
    row.hidden = OF_DIAMETERS.has(name) && !look.isDiameter();
    const value = values[name] ?? null;
    const hasUnit = "hasUnit" in row.dataset;
    const written = (number) => (hasUnit ? format(number, decimals) : format(number, 3));
    const interval = answer.intervals?.[name];
    const unit = hasUnit && value !== null && look.unit() ? element("span", { className: "unit", textContent: ` ${look.unit()}` }) : null;
    row.querySelector("dd").replaceChildren(
      ...[
        written(value),
        unit,
        interval && value !== null ? element("small", { textContent: `${written(interval.low)} to ${written(interval.high)}` }) : null,
        value === null ? element("small", { className: "reason", textContent: reasonFor(name, answer) }) : null,
      ].filter(Boolean),
    );
  }
}

function reasonFor(name, answer) {
  if (answer.n_counted < 2) return "one particle";
  if (answer.made_from === "analyses" && (name === "mode" || name === "sd" || name === "cv")) return "not stored";
  if (answer.moments === null && LOGARITHMIC.has(name)) return "not all values are above 0";
  if (name === "cv" || name === "span") return "not above 0 throughout";
  return "all are equal";
}

function countedOf(answer, look) {
  const left = answer.n_particles - answer.n_counted;
  const several = answer.n_images === 1 ? "" : ` in ${countOf(answer.n_images)} images`;
  const words = [`${countOf(answer.n_counted)} of ${countOf(answer.n_particles)} particle${answer.n_particles === 1 ? "" : "s"}${several} count${answer.n_counted === 1 ? "s" : ""}`];
  if (left > 0) words.push(`${countOf(left)} left out at the border`);
  if (answer.n_small > 0) {
    const limit = answer.smallest_reliable === null ? "8 px" : `${formatOne(answer.smallest_reliable)} ${look.unit()}`;
    words.push(`${countOf(answer.n_small)} of all below the smallest reliable diameter of ${limit}`);
  }
  if (answer.capped_share > 0) words.push(`the weights of ${percentOf(answer.capped_share)} were cut to 5`);
  return `${words.join("; ")}.`;
}

function tellFits(card, answer, look) {
  card.querySelector("#fitted").hidden = answer.fits.length === 0;
  const found = answer.fits.filter((fit) => fit.curve !== null);
  const lowest = found.length > 1 ? Math.min(...found.map((fit) => fit.aic)) : null;
  card.querySelector(".fits-table tbody").replaceChildren(...answer.fits.map((fit) => rowOfFit(fit, look, lowest)));
  const { n, truncated_at: from } = found[0] ?? {};
  const where = from > 0 ? ` from ${formatOne(from)} ${look.unit()} on` : "";
  card.querySelector("#fitted-text").textContent = found.length ? `By maximum likelihood to ${countOf(n)} particles${where}, by number.` : "";
}

function rowOfFit(fit, look, lowest) {
  const { label, location, shape } = PARAMETERS[fit.family];
  const swatch = make("svg", { viewBox: "0 0 22 8", class: "stroke", "aria-hidden": "true" });
  swatch.append(make("path", { class: fit.family, d: "M1 4H21" }));
  const head = element("th", { scope: "row" }, swatch, label);
  if (fit.curve === null) return element("tr", {}, head, element("td", { colSpan: 3, className: "none", textContent: `– ${fit.reason}` }));
  const unit = look.unit() && ` ${look.unit()}`;
  const ofShape = fit.family === "normal" ? unit : "";
  return element(
    "tr",
    {},
    head,
    element("td", {}, `${location} ${formatOne(fit.location)}${unit}, ${shape} ${formatOne(fit.shape)}${ofShape}`),
    element("td", { className: "n", textContent: format(fit.ks_distance, 3) }),
    element("td", { className: "n", textContent: format(fit.aic, 1) }, fit.aic === lowest ? element("small", { textContent: " lowest" }) : null),
  );
}

function tellBins(card, { bins: { edges, counts, shares } }) {
  card.querySelector(".bins-table tbody").replaceChildren(
    ...counts.map((count, i) => {
      const values = [formatOne(edges[i]), formatOne(edges[i + 1]), countOf(count), format(100 * shares[i], 2)];
      return element("tr", {}, ...values.map((value) => element("td", { textContent: value })));
    }),
  );
}

const LISTED_AS = { "no pixel size": "missing", "pixel size in conflict": "conflict" };

// Which analyses of a selection are not in the pool, and why.
export function tellExcluded(place, answer, selection) {
  if (!answer || answer.n_excluded === 0) {
    place.replaceChildren();
    return;
  }
  const { excluded, n_excluded: n } = answer;
  const items = excluded.map(({ analysis_id: id, reason }) =>
    element("li", {}, element("a", { href: `/analyses/${id}`, textContent: `Analysis ${id}` }), ` ${reason}`),
  );
  const links = [...new Set(excluded.map((one) => LISTED_AS[one.reason]).filter(Boolean))].map((status) => {
    const query = new URLSearchParams(selection);
    query.set("calibration_status", status);
    return element("a", { className: "button", href: `/analyses?${query}`, textContent: `All ${status === "missing" ? "without a pixel size" : "in conflict"}` });
  });
  const summary = `${countOf(n)} of ${countOf(n + answer.n_images)} analyses ${n === 1 ? "is" : "are"} left out`;
  const more = n > excluded.length ? [element("li", { textContent: `and ${countOf(n - excluded.length)} more` })] : [];
  const wasOpen = place.querySelector("details")?.open ?? false;
  const list = element("details", { className: "left-out", open: wasOpen }, element("summary", { textContent: summary }));
  list.append(element("ul", {}, ...items, ...more), element("p", { className: "buttons" }, ...links));
  place.replaceChildren(list);
}
