// The size distribution: counted by the server over all particles, drawn by Observable Plot, and told in words.
import { axisX, axisY, gridY, plot, rectY, ruleX, ruleY, text } from "@observablehq/plot";
import { read, write } from "./address.js";
import { formatOne } from "./numbers.js";
import { ask } from "./portal_api.js";

const WAIT_MS = 120; // while a slider moves, one request for where it rests is enough

const NARROWEST_PX = 200;
const DIGIT_PX = 8;

export function showHistogram(result, { particle }) {
  const quantity = document.getElementById("quantity");
  const automatic = document.getElementById("bins-auto");
  const slider = document.getElementById("bins-slider");
  const bins = document.getElementById("bins");
  const figure = document.getElementById("histogram");
  const rows = document.querySelector(".bins-table tbody");
  let answer = null;
  let marked = null;
  let request = null;
  let timer = null;

  if ([...quantity.options].some((option) => option.value === read("quantity"))) quantity.value = read("quantity");
  const standard = quantity.querySelector("option[selected]").value;
  const wanted = Number(read("bins"));
  if (wanted >= 1 && wanted <= 500) {
    automatic.checked = false;
    setBins(Math.round(wanted));
  }

  function setBins(n) {
    slider.value = n;
    bins.value = n;
  }

  async function load() {
    write({
      quantity: quantity.value === standard ? null : quantity.value,
      bins: automatic.checked ? null : bins.value,
    });
    request?.abort();
    request = new AbortController();
    const query = new URLSearchParams({ quantity: quantity.value });
    if (!automatic.checked) query.set("bins", bins.value);
    try {
      answer = await ask(`/analyses/${result.dataset.analysis}/histogram?${query}`, { signal: request.signal });
    } catch (error) {
      if (error.name === "AbortError") return;
      figure.querySelector(".plot").replaceChildren();
      figure.querySelector("figcaption").textContent = error.message;
      return;
    }
    if (automatic.checked) setBins(answer.counts.length);
    draw();
    tell();
  }

  const chosenOption = () => quantity.selectedOptions[0];
  const axisLabel = () => {
    const { label, unit } = chosenOption().dataset;
    return unit ? `${label} / ${unit}` : label;
  };

  function draw() {
    const container = figure.querySelector(".plot");
    const { edges, counts } = answer;
    const width = Math.max(container.clientWidth, NARROWEST_PX);
    const isDiameter = quantity.value === `ecd_${result.dataset.unit}`;
    const median = isDiameter ? Number(result.dataset.median) : null;
    const data = counts.map((count, i) => ({ count, from: edges[i], to: edges[i + 1] }));
    const highest = Math.max(...counts);
    const left = 36 + DIGIT_PX * String(highest).length;
    const drawn = plot({
      width,
      height: Math.round(Math.min(300, Math.max(200, width * 0.55))),
      marginLeft: left,
      marginBottom: 42,
      marginTop: 18,
      style: { fontSize: "12px", background: "none", overflow: "visible", fontFamily: "inherit", fontVariantNumeric: "tabular-nums" },
      x: { nice: false, domain: [edges[0], edges.at(-1)] },
      y: { domain: [0, highest], nice: true },
      marks: [
        gridY({ strokeOpacity: 0.12 }),
        rectY(data, { x1: "from", x2: "to", y: "count", fill: "var(--bar)", insetLeft: 0.5, insetRight: 0.5, title: sentence }),
        ruleY([0]),
        median === null ? null : ruleX([median], { stroke: "var(--ink)", strokeDasharray: "3 3" }),
        median === null ? null : text([median], { x: (d) => d, frameAnchor: "top", dy: -12, text: () => "D50", fill: "currentColor" }),
        marked === null ? null : ruleX([marked], { stroke: "var(--mark)", strokeWidth: 2 }),
        axisX({ label: axisLabel(), labelAnchor: "center", labelArrow: "none", tickSpacing: 60, labelOffset: 36 }),
        axisY({ label: "Number of particles", labelAnchor: "center", labelArrow: "none", tickFormat: (n) => (Number.isInteger(n) ? String(n) : ""), ticks: Math.min(5, Math.max(1, highest)), labelOffset: left - 6 }),
      ].filter(Boolean),
    });
    drawn.removeAttribute("role");
    drawn.setAttribute("aria-hidden", "true"); // the caption and the table say it in words
    container.setAttribute("aria-label", `Histogram of ${axisLabel()}`);
    container.replaceChildren(drawn);
  }

  function sentence({ from, to, count }) {
    const unit = chosenOption().dataset.unit;
    return `${formatOne(from)} to ${formatOne(to)}${unit && ` ${unit}`}: ${count} particle${count === 1 ? "" : "s"}`;
  }

  function tell() {
    const { edges, counts } = answer;
    const unit = chosenOption().dataset.unit;
    const total = counts.reduce((sum, n) => sum + n, 0);
    const most = counts.indexOf(Math.max(...counts));
    figure.querySelector("figcaption").textContent =
      `${total} particle${total === 1 ? "" : "s"} in ${counts.length} bin${counts.length === 1 ? "" : "s"} from ` +
      `${formatOne(edges[0])} to ${formatOne(edges.at(-1))}${unit && ` ${unit}`}; the fullest bin, ` +
      `${formatOne(edges[most])} to ${formatOne(edges[most + 1])}${unit && ` ${unit}`}, has ${counts[most]}.`;
    rows.replaceChildren(
      ...counts.map((count, i) => {
        const row = document.createElement("tr");
        for (const value of [formatOne(edges[i]), formatOne(edges[i + 1]), String(count)]) {
          row.insertCell().textContent = value;
        }
        return row;
      }),
    );
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(load, WAIT_MS);
  }
  quantity.addEventListener("change", load);
  automatic.addEventListener("change", load);
  slider.addEventListener("input", () => {
    automatic.checked = false;
    bins.value = slider.value;
    soon();
  });
  bins.addEventListener("input", () => {
    if (bins.value === "" || !bins.reportValidity()) return;
    automatic.checked = false;
    slider.value = bins.value;
    soon();
  });

  bins.addEventListener("blur", () => {
    if (bins.value === "" || !bins.checkValidity()) bins.value = slider.value;
  });

  let width = 0;
  new ResizeObserver(([entry]) => {
    if (answer && entry.contentRect.width !== width) draw();
    width = entry.contentRect.width;
  }).observe(figure.querySelector(".plot"));
  load();

  return {
    highlight: () => {},
    choose: async (label) => {
      const values = label === null ? null : await particle(label).catch(() => null);
      marked = values?.[quantity.value] ?? null;
      if (answer) draw();
    },
  };
}
