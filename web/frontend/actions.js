// Buttons that pause, resume, cancel and retry: asked first where something is lost, then the list is read anew.
import { remembered } from "./person.js";
import { ask } from "./portal_api.js";

const dialog = confirmation();
const status = document.getElementById("action-status");

// The buttons come and go with the state of the list, so one listener hears them all.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button || button.disabled) return;
  if (button.dataset.confirm && !(await isConfirmed(button.dataset.confirm))) return;
  button.disabled = true;
  try {
    await ask(addressOf(button), { method: "POST" });
    say("");
  } catch (error) {
    say(error.message);
  }
  button.disabled = false;
  document.getElementById("live")?.dispatchEvent(new CustomEvent("refresh"));
});

// Who pauses is shown to everybody who waits; the browser may know the name.
function addressOf(button) {
  const person = button.classList.contains("asks-person") ? remembered().trim() : "";
  return person ? `${button.dataset.act}?person=${encodeURIComponent(person)}` : button.dataset.act;
}

function say(text) {
  if (!status) return;
  status.textContent = text;
  status.hidden = text === "";
}

function confirmation() {
  const made = document.createElement("dialog");
  made.className = "decide-dialog confirm-dialog";
  made.innerHTML = `<form method="dialog"><p id="confirm-text"></p>
    <div class="actions"><button value="yes" class="primary">Yes</button> <button value="no" autofocus>No, leave it</button></div></form>`;
  made.setAttribute("aria-labelledby", "confirm-text");
  document.body.append(made);
  return made;
}

function isConfirmed(question) {
  dialog.querySelector("#confirm-text").textContent = question;
  dialog.returnValue = "no"; // what Escape leaves
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
