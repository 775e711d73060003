// Large files past the portal: it signs an address of the file store for each, and takes in what arrived there.
import { patiently } from "./patience.js";
import { ask } from "./portal_api.js";

// Smaller files are a request each at the portal, and would be two beside the one to the store.
const MIN_BYTES = 8 * 2 ** 20;
// 0 where browsers do not reach the store.
const maxBytes = Number(document.getElementById("submit").dataset.maxDirectBytes);

// Names of uploads by file.
const uploads = new Map();

export const goesDirect = (file) => file.data.size >= MIN_BYTES && file.data.size <= maxBytes;

// Returns the address that takes the bytes of a file.
export async function addressFor(file, submissionId, name, sha256) {
  const about = { name, n_bytes: file.data.size, ...(sha256 && { sha256 }) };
  const { id, url } = await ask(`/submissions/${submissionId}/direct-uploads`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(about),
  });
  uploads.set(file.id, id);
  return url;
}

// Tells that all bytes of a file are in the store; `tell` hears why it waits.
export async function finish(file, tell) {
  await patiently(() => ask(`/direct-uploads/${uploads.get(file.id)}/finish`, { method: "POST" }), tell);
}
