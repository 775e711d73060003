// Two ways up: small files whole, a request each, and large ones in pieces that go on where they broke off.
import Tus from "@uppy/tus";
import XHRUpload from "@uppy/xhr-upload";
import { mayPass, messageOf } from "./portal_api.js";

const PARALLEL_UPLOADS = 5;
const LARGE_FILE_BYTES = 64 * 2 ** 20;
const PIECE_BYTES = 16 * 2 ** 20;
const PIECE_RETRIES_MS = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000];
// Without any progress for so long an upload is called stalled; a large file takes its time to be stored at the end.
const STALLED_MS = 120_000;

export const isLarge = (file) => file.data.size > LARGE_FILE_BYTES;

// `addressOf` gives a small file's address; large ones are described by `describeLarge`.
export function addUploaders(uppy, addressOf) {
  useFor(uppy, (file) => !isLarge(file), XHRUpload, {
    method: "PUT",
    formData: false,
    limit: PARALLEL_UPLOADS,
    timeout: STALLED_MS,
    headers: { "Content-Type": "application/octet-stream" },
    endpoint: addressOf,
    shouldRetry: (request) => mayPass(request.status),
    onAfterResponse: (request) => {
      if (request.status >= 400) throw new Error(messageOf(request.status, request.responseText));
    },
    getResponseData: (request) => JSON.parse(request.responseText),
  });
  useFor(uppy, isLarge, Tus, {
    limit: PARALLEL_UPLOADS,
    chunkSize: PIECE_BYTES,
    retryDelays: PIECE_RETRIES_MS,
    removeFingerprintOnSuccess: true,
  });
}

// Tells the portal what a large file is. The browser remembers an upload under the file and this address, through a reload too:
// the fragment, which no server sees, keeps it from going on in another submission.
export function describeLarge(uppy, file, submissionId, name, sha256) {
  const about = { submission_id: String(submissionId), filename: name, ...(sha256 && { sha256 }) };
  uppy.setFileState(file.id, {
    meta: { ...file.meta, ...about },
    tus: { ...file.tus, endpoint: `/api/v1/uploads#${submissionId}`, allowedMetaFields: Object.keys(about) },
  });
}

// Says what went wrong with a file, for people, and whether it may pass: the line and a busy server do, a refusal stays.
export function failureOf(error) {
  const inPieces = error.originalResponse;
  const status = inPieces ? inPieces.getStatus() : (error.request?.status ?? 0);
  const text = inPieces ? inPieces.getBody() : (error.request?.responseText ?? "");
  return { message: messageOf(status, text), mayPass: mayPass(status) };
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
