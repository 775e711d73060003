// Lists that keep themselves up to date: htmx asks for the page again and morphs what changed, so focus and scroll stay.
import htmx from "htmx.org";
import "./actions.js";

const stale = document.getElementById("stale");
let shownAt = new Date();

// Nobody looks at a hidden page; it catches up when it is shown again.
document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  const live = document.getElementById("live");
  if (!document.hidden && live) htmx.trigger(live, "refresh");
});

document.addEventListener("htmx:after:swap", () => {
  shownAt = new Date();
  if (stale) stale.hidden = true;
});
for (const name of ["htmx:error", "htmx:response:error"]) {
  document.addEventListener(name, () => {
    if (!stale || document.hidden) return;
    const text = `The portal does not answer. This is how it was at ${shownAt.toLocaleTimeString()}; trying again.`;
    // Unchanged text is left alone: a screen reader would read it out with every attempt.
    if (stale.hidden || stale.textContent !== text) stale.textContent = text;
    stale.hidden = false;
  });
}

// A filter takes effect when it is chosen; its button is for those without scripts.
for (const form of document.querySelectorAll("form.filter")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    form.submit();
  });
}
