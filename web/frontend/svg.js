// Elements of SVG, which a document makes in a namespace of their own.
const SVG = "http://www.w3.org/2000/svg";

export function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// A layer over a picture. Whole numbers are pixel centres, so a picture reaches from −0.5 to its width − 0.5.
export const layerOver = (width, height, attributes) => make("svg", { viewBox: `-0.5 -0.5 ${width} ${height}`, ...attributes });

export const line = (x1, y1, x2, y2, name) => make("line", { x1, y1, x2, y2, class: name });
