// Work on its way: asked for until it has ended.
import { countOf } from "./numbers.js";
import { ask } from "./portal_api.js";

const POLL_MS = 400;
const LATER_POLL_MS = 2000;
const PATIENT_POLLS = 25;
const UNDER_WAY = new Set(["queued", "running"]);

export const isUnderWay = ({ state }) => UNDER_WAY.has(state);

// `say` puts a step into words, which `tell` gets: they change seldom, because a screen reader says each of them; `advance` gets
// every step, and null at the end. Throws what stays wrong however often one asks, and an AbortError once the signal says that
// nobody waits any more.
export async function untilEnded(address, work, { say, tell, advance = () => {}, signal }) {
  let now = work;
  for (let polls = 0; isUnderWay(now); polls += 1) {
    tell(say(now));
    advance(now);
    now = await next(address, polls, { tell, signal });
  }
  advance(null);
  tell(now.state === "failed" ? failureOf(now) : say(now), now.state === "failed");
  return now;
}

export const follow = (decision, options) =>
  untilEnded(`/calibration-decisions/${decision.id}`, decision, { say: sayDecision, ...options });

// A portal that does not answer at the moment is asked again.
async function next(address, polls, { tell, signal }) {
  for (let pause = polls < PATIENT_POLLS ? POLL_MS : LATER_POLL_MS; ; pause = LATER_POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      return await ask(address, { signal });
    } catch (error) {
      if (!error.mayPass) throw error;
      tell(`${error.message} What was asked for is kept; asking again.`);
    }
  }
}

function sayDecision({ state, n_changed: changed, n_analyses: all }) {
  if (state === "queued") return `Waiting to be applied to ${analyses(all)}.`;
  if (state === "running") return `Being applied to ${analyses(all)}.`;
  if (changed === 0) return `Applied. Nothing had to change in ${analyses(all)}.`;
  return `Applied: ${countOf(changed)} of ${analyses(all)} changed.`;
}

function failureOf({ error_message: message, error_reference: reference }) {
  return reference ? `${message} Reference ${reference}.` : message;
}

const analyses = (n) => (n === 1 ? "1 analysis" : `${countOf(n)} analyses`);
