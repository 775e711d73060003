// Measuring on the picture: two ends that are pointed at, dragged or moved by the arrow keys, and the pixel size they give.
import { format, formatPixelSize, parseNumber } from "./numbers.js";
import { layerOver, line } from "./svg.js";

const STEP_PX = 0.1;
const LONG_STEP_PX = 1;
const SHORTEST_PX = 5; // the portal takes no nearer ends: a click is good to a pixel or so
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const NM_PER_UNIT = { nm: 1, um: 1000 };
const HINTS = ["Click one end of the bar in the picture.", "Click its other end.", "Now write the length that stands beside the bar."];
const NAMES = ["First end", "Second end"];

export function setUpMeasuring(result, changed) {
  const width = Number(result.dataset.width);
  const height = Number(result.dataset.height);
  const stage = document.getElementById("stage");
  const viewport = document.getElementById("viewport");
  const panel = document.getElementById("measure");
  const { bar_length: length, bar_unit: unit } = document.getElementById("decide").elements;
  const layer = Object.assign(document.createElement("div"), { className: "ends", hidden: true });
  const svg = layerOver(width, height, { class: "measured-line", "aria-hidden": "true" });
  layer.append(svg);
  stage.append(layer);
  let ends = [];

  const distance = () => (ends.length < 2 ? null : Math.hypot(ends[0].x - ends[1].x, ends[0].y - ends[1].y));
  const lengthNm = () => parseNumber(length.value) * NM_PER_UNIT[unit.value];
  const nmPerPx = () => (distance() >= SHORTEST_PX && lengthNm() > 0 ? lengthNm() / distance() : null);

  function pointAt(event) {
    const box = stage.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * width - 0.5, y: ((event.clientY - box.top) / box.height) * height - 0.5 };
  }

  function setEnd(number, { x, y }) {
    ends[number] = { x: inside(x, width), y: inside(y, height) };
    handle(number);
    show();
  }

  function handle(number) {
    const existing = layer.querySelector(`[data-end="${number}"]`);
    const button = existing ?? makeHandle(number);
    const { x, y } = ends[number];
    button.style.left = `${(100 * (x + 0.5)) / width}%`;
    button.style.top = `${(100 * (y + 0.5)) / height}%`;
    button.setAttribute("aria-label", `${NAMES[number]}, x ${x.toFixed(1)} px, y ${y.toFixed(1)} px`);
  }

  function makeHandle(number) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "end" });
    button.dataset.end = number;
    button.setAttribute("aria-describedby", "measure-keys");
    button.addEventListener("keydown", (event) => {
      const direction = DIRECTIONS[event.key];
      if (!direction) return;
      const step = event.shiftKey ? LONG_STEP_PX : STEP_PX;
      setEnd(number, { x: ends[number].x + direction[0] * step, y: ends[number].y + direction[1] * step });
      event.preventDefault();
      event.stopPropagation();
    });
    makeDraggable(button, (event, grip) => setEnd(number, { x: pointAt(event).x - grip.x, y: pointAt(event).y - grip.y }), (event) => {
      const at = pointAt(event);
      return { x: at.x - ends[number].x, y: at.y - ends[number].y };
    });
    layer.append(button);
    return button;
  }

  function show() {
    svg.replaceChildren();
    if (ends.length === 2) {
      const [a, b] = ends;
      svg.append(line(a.x, a.y, b.x, b.y, "casing"), line(a.x, a.y, b.x, b.y, "core"));
    }
    tell(document.getElementById("measure-hint"), hint());
    document.getElementById("measured-px").textContent = distance() === null ? "–" : `${format(distance(), 2)} px`;
    document.getElementById("measured-nm").textContent = nmPerPx() === null ? "" : `= ${formatPixelSize(nmPerPx(), 5)}`;
    length.setCustomValidity(nmPerPx() === null ? complaint() : "");
    changed();
  }

  function hint() {
    if (distance() !== null && distance() < SHORTEST_PX) return `The ends are less than ${SHORTEST_PX} px apart: too near to measure.`;
    return nmPerPx() === null ? HINTS[ends.length] : "Check the ends, enlarged if need be; then apply the decision.";
  }

  function complaint() {
    return ends.length < 2 ? "Point at both ends of the bar first." : "The length of the bar as a number, such as 500 or 0,5.";
  }

  // Where a bar was read, else in the middle: from there the arrow keys lead on.
  function place() {
    const read = result.dataset.scaleBar?.split(" ").map(Number);
    const [x0, x1, y] = read ?? [width / 3, (2 * width) / 3, height / 2];
    setEnd(0, { x: x0, y });
    setEnd(1, { x: x1, y });
    layer.querySelector(".end").focus();
  }

  function clear() {
    ends = [];
    for (const button of layer.querySelectorAll(".end")) button.remove();
    show();
  }

  stage.addEventListener("click", (event) => {
    if (layer.hidden || viewport.dataset.dragged || ends.length === 2 || event.target.closest(".end")) return;
    setEnd(ends.length, pointAt(event));
  });
  panel.querySelector('[data-measure="place"]').addEventListener("click", place);
  panel.querySelector('[data-measure="clear"]').addEventListener("click", clear);
  panel.querySelector('[data-measure="done"]').addEventListener("click", () => {
    const apply = document.querySelector("#decide .primary");
    apply.scrollIntoView({ block: "center" });
    apply.focus({ preventScroll: true });
  });
  for (const field of [length, unit]) field.addEventListener("input", show);

  return {
    nmPerPx,
    request: () => ({ points: ends.map(({ x, y }) => [rounded(y), rounded(x)]), length_nm: lengthNm() }),
    turn: (isOn) => {
      const begins = isOn && panel.hidden;
      panel.hidden = layer.hidden = !isOn;
      length.disabled = unit.disabled = !isOn;
      stage.classList.toggle("measuring", isOn);
      if (begins) viewport.scrollIntoView({ block: "nearest" });
      if (begins) show();
    },
    clear,
  };
}

const inside = (value, size) => Math.min(size - 0.5, Math.max(-0.5, value));
const rounded = (value) => Math.round(value * 1000) / 1000;

// The same words again would be read out again.
function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// What was gripped beside its middle stays so: a click on an end does not move it.
function makeDraggable(button, moved, gripAt) {
  let grip = null;
  button.addEventListener("pointerdown", (event) => {
    grip = gripAt(event);
    button.setPointerCapture(event.pointerId);
    event.stopPropagation(); // the enlarged picture is not moved with it
  });
  button.addEventListener("pointermove", (event) => {
    if (grip) moved(event, grip);
  });
  for (const name of ["pointerup", "pointercancel"]) button.addEventListener(name, () => (grip = null));
}
