// Requests to the portal's own API; every failure becomes an error with a message for people.

// `details` is what the portal says for programs.
export class PortalError extends Error {
  constructor(message, status, { cause, details = {} } = {}) {
    super(message, { cause });
    this.mayPass = mayPass(status);
    this.details = details;
  }
}

// What is wrong with a request stays wrong; a line that is down or a busy server do not.
export const mayPass = (status) => status === 0 || status === 408 || status === 429 || status >= 500;

export async function ask(path, options = {}) {
  const text = await textOf(`/api/v1${path}`, options, messageOf);
  return text === "" ? null : JSON.parse(text);
}

// A page of the portal as a document, of which parts are taken over.
export async function askPage(address, options = {}) {
  return parsed(await textOf(address, options, messageOfPage));
}

async function textOf(address, options, messageIn) {
  let response;
  let text;
  try {
    response = await fetch(address, options);
    text = await response.text();
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    throw new PortalError("The portal does not answer. Check the connection and try again.", 0, { cause });
  }
  if (!response.ok) throw new PortalError(messageIn(response.status, text), response.status, { details: detailsOf(text) });
  return text;
}

function detailsOf(text) {
  try {
    return JSON.parse(text).error.details;
  } catch {
    return {};
  }
}

const parsed = (text) => new DOMParser().parseFromString(text, "text/html");

function messageOfPage(status, text) {
  return parsed(text).getElementById("error-message")?.textContent ?? messageOf(status, text);
}

// A proxy in front of the portal answers in its own way, so the body may be anything.
export function messageOf(status, text) {
  try {
    const { message, reference } = JSON.parse(text).error;
    return reference && !message.includes(reference) ? `${message} (reference ${reference})` : message;
  } catch {
    return status ? `The portal answered with status ${status}.` : "The portal does not answer.";
  }
}
