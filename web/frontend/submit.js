// Handing in: the form opens a submission, files that the portal has are named only, and the others go up side by side.
//
// The address names the submission once it is open. After a reload the same folder is dropped again, and what is missing is sent.
import { addressFor, goesDirect } from "./direct_uploads.js";
import { createPicker, nameOf, putSideCarsFirst } from "./file_picker.js";
import { hashOf, knownFiles } from "./known_files.js";
import { patiently, PAUSES_S, sleep } from "./patience.js";
import { ask } from "./portal_api.js";
import { removeRefused, showRefused } from "./refused_files.js";
import { createManifest } from "./manifest.js";
import * as submissionForm from "./submission_form.js";
import { addUploaders, describeInPieces, failureOf, isInPieces } from "./uploaders.js";

const form = document.getElementById("submit");
const start = document.getElementById("start");
const status = document.getElementById("status");
const manifest = createManifest(form.elements.manifest, document.getElementById("manifest-report"));

let refreshRequested = false;
let submission = null;
let busy = false;
let sending = false;
let cancelled = false;
// How often in a row files were sent again because the portal was away, and which wait for that, with the reason.
let attempts = 0;
const unanswered = new Map();

const { uppy, added } = createPicker("#files", Number(form.dataset.maxUploadBytes), refreshSoon);
addUploaders(uppy, addressOf, say);

uppy.on("progress", (percent) => {
  if (busy && percent) say(`Uploading, ${percent} %.`);
});
uppy.on("upload-error", (file, error) => {
  const { message, mayPass } = failureOf(file, error);
  if (mayPass) unanswered.set(file.id, message);
  else showRefused(file.id, nameOf(file), message);
});
uppy.on("upload-success", (file) => {
  attempts = 0;
  unanswered.delete(file.id);
  removeRefused(file.id);
});
uppy.on("cancel-all", () => {
  cancelled = true;
  setBusy(false);
  say(submission ? `Cancelled. What had arrived is analysed: ` : "");
  if (submission) status.append(linkToSubmission());
});
// The dashboard can send a single file again.
uppy.on("upload", () => setBusy(true));
uppy.on("complete", () => {
  if (!sending) conclude();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (busy || uppy.getFiles().length === 0) return;
  const wanted = submission ? null : submissionForm.parameters();
  attempts = 0;
  setBusy(true);
  try {
    await manifest.ready();
    if (!submission) goOnWith(await open(wanted));
    // Before the files, so that each has its sample from the beginning.
    await patiently(() => manifest.send(submission.id), say);
  } catch (error) {
    setBusy(false);
    complain(error.message);
    return;
  }
  await sendAll();
});

async function sendAll() {
  [sending, cancelled] = [true, false];
  try {
    if (uppy.getFiles().some(({ error }) => error)) await uppy.retryAll();
    // More may be chosen meanwhile.
    for (await added(); !cancelled && uppy.getFiles().some(isWaiting); await added()) await sendWaiting();
  } catch (error) {
    setBusy(false);
    complain(error.message);
    return;
  } finally {
    sending = false;
  }
  conclude();
}

async function sendWaiting() {
  putSideCarsFirst(uppy);
  const files = uppy.getFiles().filter(isWaiting);
  const known = await patiently(() => knownFiles(submission.id, files, nameOf, say), say);
  uppy.removeFiles(known.map(({ id }) => id));
  for (const file of uppy.getFiles().filter(isInPieces)) describeInPieces(uppy, file, submission.id, nameOf(file), hashOf(file));
  if (uppy.getFiles().some(isWaiting)) await uppy.upload();
}

function conclude() {
  if (cancelled) return;
  const failed = uppy.getFiles().filter(({ error }) => error);
  if (failed.some(({ id }) => unanswered.has(id)) && attempts < PAUSES_S.length) sendAgain();
  else if (failed.length > 0) giveUp(failed);
  else leave();
}

// The portal restarts, or the line is down.
async function sendAgain() {
  const pauseS = PAUSES_S[attempts];
  attempts += 1;
  say(`${countOf(unanswered.size)} did not arrive. ${unanswered.values().next().value} Sending again in ${pauseS} s.`);
  await sleep(pauseS);
  if (!cancelled) await sendAll();
}

function giveUp(failed) {
  for (const file of failed) if (unanswered.has(file.id)) showRefused(file.id, nameOf(file), unanswered.get(file.id));
  setBusy(false);
  say(`${countOf(failed.length)} did not arrive. The others are being analysed: `);
  status.append(linkToSubmission());
}

function leave() {
  setBusy(false);
  location.assign(linkToSubmission().href);
}

// Leaving now would cut the uploads off.
window.addEventListener("beforeunload", (event) => {
  if (busy) event.preventDefault();
});

function open(body) {
  return ask("/submissions", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

// Where a file goes that goes whole.
function addressOf(file) {
  if (goesDirect(file)) return addressFor(file, submission.id, nameOf(file), hashOf(file));
  return `/api/v1/submissions/${submission.id}/files?name=${encodeURIComponent(nameOf(file))}`;
}

function goOnWith(opened) {
  submission = opened;
  submissionForm.show(opened);
  submissionForm.enable(false);
  history.replaceState(null, "", `?submission=${opened.id}`);
}

function isWaiting(file) {
  return !file.progress.uploadStarted;
}

function linkToSubmission() {
  return Object.assign(document.createElement("a"), { href: `/submissions/${submission.id}`, textContent: `submission ${submission.id}` });
}

function setBusy(value) {
  busy = value;
  // What the submission was opened with no longer changes.
  submissionForm.enable(!busy && submission === null);
  refresh();
}

// Thousands of files come and go one by one, and the button is drawn once.
function refreshSoon() {
  if (refreshRequested) return;
  refreshRequested = true;
  requestAnimationFrame(refresh);
}

function refresh() {
  refreshRequested = false;
  const files = uppy.getFiles();
  const nFailed = files.filter(({ error }) => error).length;
  const nWaiting = files.filter(isWaiting).length;
  if (submission === null) submissionForm.proposePriority(files.length);
  start.disabled = busy || nFailed + nWaiting === 0;
  if (busy) start.textContent = "Uploading …";
  else if (nFailed > 0) start.textContent = `Retry ${countOf(nFailed)}`;
  else if (nWaiting > 0) start.textContent = `Analyse ${countOf(nWaiting)}`;
  else start.textContent = "Add files to begin";
}

function countOf(n) {
  return n === 1 ? "1 file" : `${n} files`;
}

function say(text) {
  status.classList.remove("failed-text");
  status.textContent = text;
}

function complain(text) {
  say(text);
  status.classList.add("failed-text");
}

// After a reload.
const named = new URLSearchParams(location.search).get("submission");
if (named) {
  try {
    goOnWith(await ask(`/submissions/${encodeURIComponent(named)}`));
    say(`${countOf(submission.counts.total)} arrived so far. Drop the same files or folders again, and what is missing is sent: `);
    status.append(linkToSubmission());
  } catch (error) {
    complain(error.message);
  }
}
