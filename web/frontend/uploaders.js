// Three ways up: small files whole, a request each; large ones whole to the file store where this browser reaches it; else, and
// where they are too large for that, in pieces that go on where they broke off.
import Tus from "@uppy/tus";
import XHRUpload from "@uppy/xhr-upload";
import { finish, goesDirect } from "./direct_uploads.js";
import { mayPass, messageOf, PortalError } from "./portal_api.js";

const PARALLEL_UPLOADS = 5;
const LARGE_FILE_BYTES = 64 * 2 ** 20;
const PIECE_BYTES = 16 * 2 ** 20;
const PIECE_RETRIES_MS = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000];
// Without any progress for so long an upload is called stalled; a large file takes its time to be stored at the end.
const STALLED_MS = 120_000;

export const isInPieces = (file) => file.data.size > LARGE_FILE_BYTES && !goesDirect(file);

// `addressOf` gives, now or later, the address of a file that goes whole; the others are described by `describeInPieces`.
// `tell` hears why it waits.
export function addUploaders(uppy, addressOf, tell) {
  const files = new WeakMap();
  useFor(uppy, (file) => !isInPieces(file), XHRUpload, {
    method: "PUT",
    formData: false,
    limit: PARALLEL_UPLOADS,
    timeout: STALLED_MS,
    headers: { "Content-Type": "application/octet-stream" },
    endpoint: async (file) => {
      try {
        return await addressOf(file);
      } catch (error) {
        // The library says nothing of an address that failed. The file may have been taken back meanwhile.
        if (uppy.getFile(file.id)) uppy.emit("upload-error", uppy.getFile(file.id), error);
        throw error;
      }
    },
    shouldRetry: (request) => mayPass(request.status),
    onBeforeRequest: (request, _, [file]) => files.set(request, file),
    onAfterResponse: async (request) => {
      const file = files.get(request);
      if (request.status >= 400) throw new Error(messageFor(file, request.status, request.responseText));
      if (goesDirect(file)) await finish(file, tell);
    },
    // The store answers without a word.
    getResponseData: ({ responseText }) => (responseText ? JSON.parse(responseText) : {}),
  });
  useFor(uppy, isInPieces, Tus, {
    limit: PARALLEL_UPLOADS,
    chunkSize: PIECE_BYTES,
    retryDelays: PIECE_RETRIES_MS,
    removeFingerprintOnSuccess: true,
  });
}

// Tells the portal what a file in pieces is. The browser remembers an upload under the file and this address, through a reload too:
// the fragment, which no server sees, keeps it from going on in another submission.
export function describeInPieces(uppy, file, submissionId, name, sha256) {
  const about = { submission_id: String(submissionId), filename: name, ...(sha256 && { sha256 }) };
  uppy.setFileState(file.id, {
    meta: { ...file.meta, ...about },
    tus: { ...file.tus, endpoint: `/api/v1/uploads#${submissionId}`, allowedMetaFields: Object.keys(about) },
  });
}

// Says what went wrong with a file, for people, and whether it may pass: the line and a busy server do, a refusal stays.
export function failureOf(file, error) {
  if (error instanceof PortalError) return error;
  const inPieces = error.originalResponse;
  const status = inPieces ? inPieces.getStatus() : (error.request?.status ?? 0);
  const text = inPieces ? inPieces.getBody() : (error.request?.responseText ?? "");
  return { message: messageFor(file, status, text), mayPass: mayPass(status) };
}

function messageFor(file, status, text) {
  if (!goesDirect(file)) return messageOf(status, text);
  return status
    ? `The file store refused the file with status ${status}.`
    : "The file store does not answer, or takes nothing from pages of this portal.";
}

// The library gives every file to every uploader.
function useFor(uppy, takes, Uploader, options) {
  const { addUploader } = uppy;
  uppy.addUploader = (upload) =>
    addUploader.call(uppy, async (ids) => {
      const own = ids.filter((id) => takes(uppy.getFile(id)));
      if (own.length > 0) await upload(own);
    });
  uppy.use(Uploader, options);
  uppy.addUploader = addUploader;
}
