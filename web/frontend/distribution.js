// The card of a distribution, of one analysis or of a selection: asked of the server, drawn and told in words.
import { showAssessments } from "./assessments.js";
import { drawDistribution } from "./distribution_plot.js";
import { tellExcluded, tellNumbers } from "./distribution_numbers.js";
import { element } from "./elements.js";
import { setUpLook } from "./look.js";
import { ask } from "./portal_api.js";

const SHOWN_AFTER_MS = 400; // an answer that comes sooner needs no sign that it is under way

// `particle` gives the values of a particle by its label, to mark it in the plot.
export function showDistribution(card, { particle = null } = {}) {
  // Within the card: another pixel size brings another card, and an answer to this one must not be written there.
  const part = (id) => card.querySelector(`#${id}`);
  const [status, problem, shown, nothing, figure] = ["distribution-status", "distribution-problem", "distribution-shown", "nothing-shown", "histogram"].map(part);
  const { of, selection } = card.dataset;
  const look = setUpLook(card, { changed: load, redraw: draw });
  const assessments = showAssessments(card, look, addressOf);
  let answer = null;
  let marked = null;
  let request = null;

  function addressOf(name, query) {
    const asked = new URLSearchParams([...new URLSearchParams(selection), ...query]);
    return `${of}/${name}?${asked}`;
  }

  async function load() {
    request?.abort();
    const mine = (request = new AbortController());
    const begun = setTimeout(() => {
      card.setAttribute("aria-busy", "true");
      status.textContent = "Being computed …";
    }, SHOWN_AFTER_MS);
    assessments.renew();
    try {
      answer = await ask(addressOf("distribution", look.query()), { signal: mine.signal });
      problem.hidden = true;
    } catch (error) {
      if (error.name === "AbortError") return;
      answer = null;
      problem.textContent = error.message;
      problem.hidden = false;
    } finally {
      clearTimeout(begun);
      if (mine === request) {
        card.removeAttribute("aria-busy");
        status.textContent = "";
      }
    }
    show();
  }

  function show() {
    const isEmpty = answer !== null && answer.n_counted === 0;
    shown.hidden = answer === null || isEmpty;
    nothing.hidden = !isEmpty;
    tellExcluded(part("left-out"), answer, selection);
    if (isEmpty) nothing.replaceChildren(...whyEmpty());
    if (answer === null || isEmpty) return;
    look.showBins(answer.bins.counts.length);
    tellNumbers(card, answer, look);
    draw();
  }

  function whyEmpty() {
    if (answer.n_images > 0) {
      const n = answer.n_particles;
      return [`${answer.notes.join(" ")} ${n ? `${n} found: choose another counting rule.` : "None was found."}`];
    }
    if (answer.n_excluded === 0) return ["No analysis fits. ", element("a", { href: "/analyses", textContent: "All analyses" })];
    const isInNm = answer.unit.startsWith("nm");
    const what = isInNm ? "sizes in nm" : "this quantity";
    const parts = [answer.n_excluded === 1 ? `The one analysis has not got ${what}. ` : `None of the ${answer.n_excluded} analyses has ${what}. `];
    if (!isInNm) return parts;
    const missing = new URLSearchParams(selection);
    missing.set("calibration_status", "missing");
    const inPixels = element("button", { type: "button", textContent: "Show diameters in px" });
    inPixels.addEventListener("click", () => look.choose("ecd_px"));
    const link = element("a", { className: "button", href: `/analyses?${missing}`, textContent: "Set pixel sizes" });
    parts.push(element("span", { className: "buttons" }, link, inPixels));
    parts.push(element("small", { textContent: "Pixels can be pooled where all images were taken at one magnification." }));
    return parts;
  }

  function draw() {
    if (answer && answer.n_counted > 0) drawDistribution(figure, answer, look, marked);
  }

  let width = 0;
  new ResizeObserver(([entry]) => {
    if (entry.contentRect.width !== width) draw();
    width = entry.contentRect.width;
  }).observe(figure.querySelector(".plot"));
  load();

  return {
    highlight: () => {},
    choose: async (label) => {
      const values = label === null || particle === null ? null : await particle(label).catch(() => null);
      marked = values?.[look.quantity()] ?? null;
      draw();
    },
  };
}
