// A submission: its pixel size is set for all images in a dialog, and the page tells how far that is.
import { setUpDecision } from "./decide.js";
import { follow } from "./follow.js";

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

function tell(text, isFailure = false) {
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("failed-text", isFailure);
}

// The list that keeps itself up to date listens for it; see live.js.
function renew() {
  document.getElementById("live").dispatchEvent(new CustomEvent("refresh"));
}
