// The card of the pixel size: its form with the picture to measure on, and the page renewed once a decision is applied.
import { follow, setUpDecision } from "./decide.js";
import { setUpMeasuring } from "./measure.js";

export function setUpPixelSize(result, renew) {
  const form = document.getElementById("decide");
  const status = document.getElementById("decision-status");
  let measuring = null;
  const decision = setUpDecision(form, { measuring: () => measuring, sent: apply, complain: (text) => tell(text, true) });
  measuring = setUpMeasuring(result, decision.show);
  // A browser that went back or reloaded has the choice already.
  decision.show();
  if (status.dataset.decision) apply({ id: Number(status.dataset.decision), state: "queued", n_analyses: 1, n_changed: 0 });

  async function apply(made) {
    const ended = await follow(made, tell);
    await renew();
    if (ended.state === "failed") return;
    decision.reset();
    measuring.clear();
  }

  function tell(text, isFailure = false) {
    if (status.textContent !== text) status.textContent = text;
    status.classList.toggle("failed-text", isFailure);
  }
}
