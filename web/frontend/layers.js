// What lies over the picture beside the outlines: shades where nothing was measured, and the scale bar that was read.
import { layerOver, line } from "./svg.js";

// Around the analysed field, and over text and bars that are drawn on the image.
export function shadeUnmeasured(stage, result, width, height) {
  const [top, bottom, left, right] = result.dataset.field.split(" ").map(Number);
  const around = [
    { top: 0, bottom: top, left: 0, right: width },
    { top: bottom, bottom: height, left: 0, right: width },
    { top, bottom, left: 0, right: left },
    { top, bottom, left: right, right: width },
  ];
  for (const box of around) {
    if (box.bottom <= box.top || box.right <= box.left) continue;
    shade(stage, box, width, height).append(Object.assign(document.createElement("span"), { textContent: "not measured" }));
  }
  // Too small for words of their own; the legend below the picture says it.
  for (const box of JSON.parse(result.dataset.annotations)) shade(stage, box, width, height).classList.add("annotation");
}

// A thin line from end to end, to be shown and hidden.
export function showScaleBar(stage, result, width, height) {
  const toggle = document.getElementById("show-scale-bar");
  if (!toggle) return;
  const [x0, x1, y] = result.dataset.scaleBar.split(" ").map(Number);
  const svg = layerOver(width, height, { class: "scale-bar-read", "aria-hidden": "true" });
  svg.append(line(x0, y, x1, y, "casing"), line(x0, y, x1, y, "core"));
  stage.append(svg);
  const show = () => svg.classList.toggle("invisible", !toggle.checked);
  toggle.addEventListener("change", show);
  show();
}

function shade(stage, { top, bottom, left, right }, width, height) {
  const box = document.createElement("div");
  box.className = "unmeasured";
  box.style.top = `${(100 * top) / height}%`;
  box.style.height = `${(100 * (bottom - top)) / height}%`;
  box.style.left = `${(100 * left) / width}%`;
  box.style.width = `${(100 * (right - left)) / width}%`;
  stage.append(box);
  return box;
}
