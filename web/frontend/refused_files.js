// The list of files that did not arrive, each with its reason.
const section = document.getElementById("refused");

export function showRefused(id, name, message) {
  removeRefused(id);
  const item = document.createElement("li");
  const shown = document.createElement("b");
  shown.textContent = name;
  item.dataset.file = id;
  item.append(shown, ` ${message}`);
  section.querySelector("ul").append(item);
  section.hidden = false;
}

export function removeRefused(id) {
  section.querySelector(`li[data-file="${CSS.escape(id)}"]`)?.remove();
  section.hidden = section.querySelector("li") === null;
}
