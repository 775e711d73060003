// A submission: its pixel size is set for all images in a dialog, and the page tells how far that is; its manifest in another.
import { setUpDecision } from "./decide.js";
import { setUpExport } from "./export.js";
import { follow } from "./follow.js";
import { createManifest } from "./manifest.js";
import { ask } from "./portal_api.js";

setUpExport();

const dialog = document.getElementById("decide-dialog");
const form = document.getElementById("decide");
const status = document.getElementById("decision-status");

const decision = setUpDecision(form, {
  sent: (made) => {
    dialog.close();
    decision.reset();
    renew();
    follow(made, { tell }).catch((error) => tell(error.message, true)).finally(renew);
  },
  complain: (text) => (dialog.querySelector(".decide-error").textContent = text),
});

document.getElementById("open-decide").addEventListener("click", () => dialog.showModal());
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());

const manifestDialog = document.getElementById("manifest-dialog");
const manifestForm = document.getElementById("manifest-form");
const manifestError = manifestDialog.querySelector(".decide-error");
const removal = manifestDialog.querySelector("[data-remove]");
const handIn = manifestForm.querySelector("button.primary");
const manifest = createManifest(manifestForm.elements.manifest, document.getElementById("manifest-report"), () => {
  manifestError.textContent = "";
  handIn.disabled = !manifest.isChosen;
});

document.getElementById("open-manifest").addEventListener("click", () => {
  removal.hidden = document.getElementById("manifest") === null;
  manifestDialog.showModal();
});
manifestDialog.querySelector("[data-close]").addEventListener("click", () => manifestDialog.close());
manifestDialog.addEventListener("close", () => {
  manifest.clear();
  manifestError.textContent = "";
  handIn.disabled = true;
});
manifestForm.addEventListener("submit", (event) => {
  event.preventDefault();
  change(() => manifest.send(manifestForm.dataset.submission));
});
removal.addEventListener("click", () => {
  change(() => ask(`/submissions/${manifestForm.dataset.submission}/manifest`, { method: "DELETE" }));
});

async function change(what) {
  try {
    await what();
  } catch (error) {
    manifestError.textContent = error.message;
    return;
  }
  manifestDialog.close();
  renew();
}

function tell(text, isFailure = false) {
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("failed-text", isFailure);
}

// The list that keeps itself up to date listens for it; see live.js.
function renew() {
  document.getElementById("live").dispatchEvent(new CustomEvent("refresh"));
}
