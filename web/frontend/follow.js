// A decision on its way: asked for until it is applied or has failed.
import { countOf } from "./numbers.js";
import { ask } from "./portal_api.js";

const POLL_MS = 400;
const LATER_POLL_MS = 2000;
const PATIENT_POLLS = 25;
const UNDER_WAY = new Set(["queued", "running"]);

// `tell` gets words that change seldom, because a screen reader says each of them; `advance` gets every step.
// Throws what stays wrong however often one asks, and an AbortError once the signal says that nobody waits any more.
export async function follow(decision, { tell, advance = () => {}, signal }) {
  let now = decision;
  for (let polls = 0; UNDER_WAY.has(now.state); polls += 1) {
    tell(progressOf(now));
    advance(now);
    now = await next(now, polls, { tell, signal });
  }
  advance(null);
  tell(now.state === "failed" ? failureOf(now) : outcomeOf(now), now.state === "failed");
  return now;
}

// A portal that does not answer at the moment is asked again.
async function next(decision, polls, { tell, signal }) {
  for (let pause = polls < PATIENT_POLLS ? POLL_MS : LATER_POLL_MS; ; pause = LATER_POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      return await ask(`/calibration-decisions/${decision.id}`, { signal });
    } catch (error) {
      if (!error.mayPass) throw error;
      tell(`${error.message} The decision is kept; asking again.`);
    }
  }
}

function progressOf({ state, n_analyses: all }) {
  return state === "queued" ? `Waiting to be applied to ${analyses(all)}.` : `Being applied to ${analyses(all)}.`;
}

function outcomeOf({ n_changed: changed, n_analyses: all }) {
  if (changed === 0) return `Applied. Nothing had to change in ${analyses(all)}.`;
  return `Applied: ${countOf(changed)} of ${analyses(all)} changed.`;
}

function failureOf({ error_message: message, error_reference: reference }) {
  return reference ? `${message} Reference ${reference}.` : message;
}

const analyses = (n) => (n === 1 ? "1 analysis" : `${countOf(n)} analyses`);
