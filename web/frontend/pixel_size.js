// The card of the pixel size: its form with the picture to measure on, and the page renewed once a decision is applied.
import { setUpDecision } from "./decide.js";
import { follow } from "./follow.js";
import { setUpMeasuring } from "./measure.js";
import { ask } from "./portal_api.js";

export function setUpPixelSize(result, renew) {
  const form = document.getElementById("decide");
  const status = document.getElementById("decision-status");
  const bar = document.getElementById("decision-progress");
  const others = new AbortController();
  let measuring = null;
  const decision = setUpDecision(form, { measuring: () => measuring, sent: applyOwn, complain: (text) => tell(text, true) });
  measuring = setUpMeasuring(result, decision.show);
  // A browser that went back or reloaded has the choice already.
  decision.show();
  if (status.dataset.decision) watchOther(status.dataset.decision);

  async function applyOwn(made) {
    others.abort(); // one decision at a time is told of
    const ended = await follow(made, { tell, advance });
    await renew();
    if (ended.state === "failed") return;
    decision.reset();
    measuring.clear();
  }

  // Somebody else's, or ours of an earlier visit: what is being filled in stays as it is.
  async function watchOther(id) {
    const { signal } = others;
    try {
      await follow(await ask(`/calibration-decisions/${id}`, { signal }), { tell, advance, signal });
      await renew();
    } catch (error) {
      if (error.name !== "AbortError") tell(error.message, true);
    }
  }

  function advance(now) {
    bar.hidden = now === null;
    if (now) Object.assign(bar, { max: Math.max(1, now.n_analyses), value: now.n_changed });
  }

  function tell(text, isFailure = false) {
    if (status.textContent !== text) status.textContent = text;
    status.classList.toggle("failed-text", isFailure);
  }
}
