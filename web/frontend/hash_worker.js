// Hashes one file after the other beside the page, which goes on answering meanwhile.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

// The browser's own hash takes a file as a whole only.
const WHOLE_BYTES = 64 * 2 ** 20;

addEventListener("message", async ({ data: file }) => {
  try {
    postMessage({ sha256: bytesToHex(await digestOf(file)) });
  } catch (error) {
    postMessage({ problem: error.message });
  }
});

async function digestOf(file) {
  // Browsers have it where a page came by https or from this machine.
  if (isSecureContext && file.size <= WHOLE_BYTES) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  }
  const hash = sha256.create();
  const reader = file.stream().getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) hash.update(read.value);
  return hash.digest();
}
