// SHA-256 of many files, computed by several workers side by side.

const N_WORKERS = Math.min(4, navigator.hardwareConcurrency || 2);

// Calls `onHash` with each file and its hash in hexadecimal, null where the file cannot be read.
export async function hashAll(files, onHash) {
  const waiting = files.values(); // the workers take from it in turn
  const work = async () => {
    const worker = new Worker(new URL("hash_worker.js", import.meta.url), { type: "module" });
    try {
      for (const file of waiting) onHash(file, await hashBy(worker, file.data));
    } finally {
      worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(N_WORKERS, files.length) }, work));
}

function hashBy(worker, data) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data: answer }) => resolve(answer.sha256 ?? null);
    worker.onerror = () => reject(new Error("The files cannot be compared with those that are here already."));
    worker.postMessage(data);
  });
}
