// Requests to the portal's own API; every failure becomes an error with a message for people.

export class PortalError extends Error {}

export async function ask(path, options = {}) {
  return JSON.parse(await textOf(`/api/v1${path}`, options));
}

async function textOf(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    throw new PortalError("The portal does not answer. Check the connection and try again.", { cause });
  }
  const text = await response.text();
  if (!response.ok) throw new PortalError(messageOf(response.status, text));
  return text;
}

// A page of the portal as a document, of which parts are taken over.
export async function askPage(address, options = {}) {
  const text = await textOf(address, options);
  return new DOMParser().parseFromString(text, "text/html");
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
