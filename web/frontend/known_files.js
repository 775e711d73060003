// What the portal has is not sent: files are hashed here, and asked for by their hashes.
import { hashAll } from "./hashing.js";
import { ask } from "./portal_api.js";

const FILES_OF_A_QUESTION = 1000;
const TELL_INTERVAL_MS = 200;

// Hashes by file, so that another try asks only.
const hashes = new Map();

export const hashOf = (file) => hashes.get(file.id);

// Returns those of the files that the portal has; they belong to the submission from now on.
export async function knownFiles(submissionId, files, nameOf, tell) {
  await hashMissing(files, tell);
  const readable = files.filter((file) => hashOf(file));
  const known = [];
  for (let first = 0; first < readable.length; first += FILES_OF_A_QUESTION) {
    const some = readable.slice(first, first + FILES_OF_A_QUESTION);
    const described = some.map((file) => ({ name: nameOf(file), sha256: hashOf(file), n_bytes: file.data.size }));
    const answer = await ask(`/submissions/${submissionId}/known-files`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ files: described }),
    });
    // What is refused goes up all the same, and is refused by itself where a person sees it.
    const wanted = new Set([...answer.missing_positions, ...answer.refused.map(({ position }) => position)]);
    known.push(...some.filter((_, position) => !wanted.has(position)));
    tell(`Comparing with the portal: ${known.length} of ${files.length} files are there already.`);
  }
  return known;
}

async function hashMissing(files, tell) {
  let toldAt = 0;
  let done = 0;
  await hashAll(
    files.filter((file) => !hashes.has(file.id)),
    (file, sha256) => {
      hashes.set(file.id, sha256);
      done += 1;
      if (performance.now() - toldAt < TELL_INTERVAL_MS) return;
      toldAt = performance.now();
      tell(`Reading the files: ${done} of ${files.length}.`);
    },
  );
}
