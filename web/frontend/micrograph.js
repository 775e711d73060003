// The picture: outlines over it as SVG, what was not measured shaded, zoom, and the keyboard along the particles.
import { read, write } from "./address.js";
import { shadeUnmeasured, showScaleBar } from "./layers.js";
import { ask } from "./portal_api.js";
import { layerOver, make } from "./svg.js";

const COLOURS = 6; // classes c0 to c5 in saemi.css
const DRAG_THRESHOLD_PX = 4;
const ZOOMS = ["fit", "1", "2", "4"];

export function showMicrograph(result, { highlight, choose }) {
  const width = Number(result.dataset.width);
  const height = Number(result.dataset.height);
  const viewport = document.getElementById("viewport");
  const stage = document.getElementById("stage");
  const svg = layerOver(width, height, { role: "group", "aria-label": "Particles" });
  stage.append(svg);
  shadeUnmeasured(stage, result, width, height);
  showScaleBar(stage, result, width, height);
  setUpZoom(viewport, stage, width, height);
  setUpOpacity(svg);
  setUpPanning(viewport);

  const paths = new Map();
  let labels = [];
  // One stop of the Tab key for all particles: the arrow keys move it.
  let stop = null;
  // Outlines of many particles take their time, and nothing else of the page waits for them.
  async function load() {
    try {
      draw(svg, paths, await ask(`/analyses/${result.dataset.analysis}/files/outlines.json`));
    } catch (error) {
      const notice = Object.assign(document.createElement("p"), { className: "notice failed", textContent: `No outlines: ${error.message}` });
      viewport.before(notice);
    }
    labels = [...paths.keys()];
    stop = labels[0] ?? null;
    paths.get(stop)?.setAttribute("tabindex", "0");
  }

  const labelAt = (event) => Number(event.target.closest?.("path[data-label]")?.dataset.label) || null;
  svg.addEventListener("pointerover", (event) => highlight(labelAt(event)));
  svg.addEventListener("pointerleave", () => highlight(null));
  // On the HTML element around it: an SVG that listens for focus itself becomes a stop of the Tab key in Chromium.
  stage.addEventListener("focusin", (event) => highlight(labelAt(event)));
  stage.addEventListener("focusout", () => highlight(null));
  svg.addEventListener("click", (event) => {
    const label = labelAt(event);
    if (label && !viewport.dataset.dragged) choose(label);
  });
  svg.addEventListener("keydown", (event) => {
    const label = labelAt(event);
    if (!label) return;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = labels.indexOf(label);
    const target = step ? at + step : { Home: 0, End: labels.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") choose(label);
    else if (target === undefined) return;
    else focusOn(labels[(target + labels.length) % labels.length]);
    event.preventDefault();
  });

  function focusOn(label) {
    paths.get(stop)?.setAttribute("tabindex", "-1");
    stop = label;
    paths.get(stop).setAttribute("tabindex", "0");
    paths.get(stop).focus();
  }

  return {
    drawn: load(),
    highlight: (label) => mark(svg, paths, "highlighted", label),
    choose: (label) => {
      mark(svg, paths, "chosen", label);
      if (paths.has(label)) bringIntoView(viewport, paths.get(label));
    },
  };
}

// All polygons of a particle in one path: with the even-odd rule its holes stay open.
function draw(svg, paths, outlines) {
  const data = new Map();
  const unsure = new Set();
  for (const { label, polygon, low_confidence } of outlines) {
    if (low_confidence) unsure.add(label);
    data.set(label, `${data.get(label) ?? ""}M${polygon.map((point) => point.join(" ")).join("L")}Z`);
  }
  for (const [label, d] of data) {
    const path = make("path", {
      d,
      "data-label": label,
      class: `c${label % COLOURS}${unsure.has(label) ? " unsure" : ""}`,
      tabindex: "-1",
      role: "img",
      "aria-label": `Particle ${label}${unsure.has(label) ? ", low confidence" : ""}`,
    });
    paths.set(label, path);
  }
  svg.append(...paths.values());
}

function mark(svg, paths, name, label) {
  svg.querySelector(`path.${name}`)?.classList.remove(name);
  const path = paths.get(label);
  if (!path) return;
  path.classList.add(name);
}

// Scrolls the enlarged picture alone: the page stays where its reader is.
function bringIntoView(viewport, path) {
  const [inner, outer] = [path.getBoundingClientRect(), viewport.getBoundingClientRect()];
  if (inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top && inner.bottom <= outer.bottom) return;
  viewport.scrollBy(
    (inner.left + inner.right - outer.left - outer.right) / 2,
    (inner.top + inner.bottom - outer.top - outer.bottom) / 2,
  );
}

function setUpZoom(viewport, stage, width, height) {
  const buttons = [...document.querySelectorAll("button[data-zoom]")];
  viewport.style.setProperty("--ratio", width / height);
  const show = (zoom) => {
    // The middle of what is seen stays in the middle.
    const x = (viewport.scrollLeft + viewport.clientWidth / 2) / viewport.scrollWidth;
    const y = (viewport.scrollTop + viewport.clientHeight / 2) / viewport.scrollHeight;
    viewport.dataset.zoom = zoom;
    stage.style.width = zoom === "fit" ? "" : `${width * Number(zoom)}px`;
    viewport.scrollTo(x * viewport.scrollWidth - viewport.clientWidth / 2, y * viewport.scrollHeight - viewport.clientHeight / 2);
    // Smoothing would invent grey values between the pixels.
    stage.classList.toggle("enlarged", stage.clientWidth > width);
    for (const button of buttons) button.setAttribute("aria-pressed", button.dataset.zoom === zoom);
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      show(button.dataset.zoom);
      write({ zoom: button.dataset.zoom === "fit" ? null : button.dataset.zoom });
    });
  }
  const wanted = read("zoom");
  show(ZOOMS.includes(wanted) ? wanted : "fit");
  new ResizeObserver(() => stage.classList.toggle("enlarged", stage.clientWidth > width)).observe(stage);
}

function setUpOpacity(svg) {
  const slider = document.getElementById("opacity");
  const show = () => {
    svg.style.setProperty("--outline-opacity", slider.value / 100);
    slider.nextElementSibling.value = `${slider.value} %`;
  };
  slider.addEventListener("input", show);
  show();
}

// An enlarged picture is moved by dragging it; touch screens scroll by themselves.
function setUpPanning(viewport) {
  let from = null;
  viewport.addEventListener("pointerdown", (event) => {
    delete viewport.dataset.dragged;
    if (event.pointerType !== "mouse" || event.button !== 0 || viewport.dataset.zoom === "fit") return;
    from = { x: event.clientX, y: event.clientY, left: viewport.scrollLeft, top: viewport.scrollTop };
  });
  window.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (Math.hypot(dx, dy) > DRAG_THRESHOLD_PX) viewport.dataset.dragged = "true";
    if (viewport.dataset.dragged) viewport.scrollTo(from.left - dx, from.top - dy);
  });
  window.addEventListener("pointerup", () => (from = null));
  viewport.querySelector("img").draggable = false;
}
