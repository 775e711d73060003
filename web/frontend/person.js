// The name of who sits before this browser, kept there. A browser may forbid to keep anything: then it is asked for again.
const PERSON = "saemi.person";

export function remembered() {
  try {
    return localStorage.getItem(PERSON) ?? "";
  } catch {
    return "";
  }
}

export function remember(person) {
  try {
    localStorage.setItem(PERSON, person);
  } catch {
    // It is asked for again the next time.
  }
}
