// Rows of conditions, `NAME OP NUMBER`: each writes itself into a hidden field of the form, which is what is asked for.

export function editConditions(form, changed) {
  const list = document.getElementById("conditions");
  const add = document.getElementById("add-condition");
  add.hidden = false;
  for (const row of list.children) show(row);
  add.addEventListener("click", () => {
    list.append(document.getElementById("new-condition").content.cloneNode(true));
    show(list.lastElementChild);
    list.lastElementChild.querySelector(".quantity").focus();
  });
  list.addEventListener("click", (event) => {
    if (!event.target.closest(".remove")) return;
    const row = event.target.closest(".condition");
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector(".remove") ?? add).focus();
    changed();
  });
  // Before the form hears of it, so that it reads what is new.
  list.addEventListener("input", (event) => show(event.target.closest(".condition")), { capture: true });
}

function show(row) {
  const chosen = row.querySelector(".quantity").selectedOptions[0];
  const isTruth = "truth" in chosen.dataset;
  const sign = row.querySelector(".sign");
  if (isTruth) sign.value = "=";
  sign.disabled = isTruth;
  row.querySelector(".of-number").hidden = isTruth;
  row.querySelector(".of-truth").hidden = !isTruth;
  row.querySelector(".unit").textContent = chosen.dataset.unit;
  row.querySelector(".definition").textContent = chosen.title;
  row.querySelector(".quantity").title = chosen.title;
  const number = row.querySelector(".value").value.trim().replace(",", ".");
  const value = isTruth ? row.querySelector(".truth").value : number;
  // Half a condition asks for nothing yet.
  row.querySelector("[name=where]").value = value === "" ? "" : `${chosen.value}${sign.value}${value}`;
}
