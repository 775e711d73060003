// A portal that restarts, or a line that is down, is waited for; what is wrong with a request is said at once.

export const PAUSES_S = [2, 5, 10, 20, 30, 60];

// Calls `action` until it succeeds or fails for good; `tell` hears why it waits.
export async function patiently(action, tell) {
  for (const pauseS of PAUSES_S) {
    try {
      return await action();
    } catch (error) {
      if (!error.mayPass) throw error;
      tell(`${error.message} Trying again in ${pauseS} s.`);
      await sleep(pauseS);
    }
  }
  return action();
}

export const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
