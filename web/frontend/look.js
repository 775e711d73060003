// What the card of a distribution is asked to show: its controls, which the address of the page keeps. Standard values stay out.
import { read, readAll, write } from "./address.js";

const WAIT_MS = 120; // while a slider moves, one request for where it rests is enough
const STANDARD = { weighting: "number", view: "histogram" };

// `changed` is called when other numbers are needed, `redraw` when the same ones are shown otherwise.
export function setUpLook(card, { changed, redraw }) {
  const form = card.querySelector("form.look");
  const { quantity, weighting, counting_rule: rule, bins, view } = form.elements;
  const automatic = form.querySelector("#bins-auto");
  const slider = form.querySelector("#bins-slider");
  const standard = { ...STANDARD, quantity: card.dataset.quantity, counting_rule: card.dataset.countingRule };
  let timer = null;

  function setBins(n) {
    slider.value = n;
    bins.value = n;
  }

  function takeFromAddress() {
    for (const select of form.querySelectorAll("select")) {
      const wanted = read(select.name);
      if ([...select.options].some((option) => option.value === wanted && !option.disabled)) select.value = wanted;
    }
    if (read("view") === "cumulative") view.value = "cumulative";
    for (const box of form.querySelectorAll("input[type=checkbox][name]")) box.checked = readAll(box.name).includes(box.value);
    const wanted = Number(read("bins"));
    if (!(wanted >= 1 && wanted <= 500)) return;
    automatic.checked = false;
    setBins(Math.round(wanted));
  }

  const option = () => quantity.selectedOptions[0];
  const isDiameter = () => "isDiameter" in option().dataset;

  // What the controls say beside what is standard.
  function chosen() {
    const data = new FormData(form);
    if (automatic.checked) data.delete("bins");
    return data;
  }

  function keep() {
    weighting.disabled = !isDiameter();
    form.querySelector("#rule-text").textContent = rule.selectedOptions[0].dataset.text;
    for (const part of form.querySelectorAll("[data-of-bins]")) part.hidden = view.value === "cumulative";
    const data = chosen();
    const names = new Set([...form.elements].map((control) => control.name).filter(Boolean));
    const parts = [...names].map((name) => [name, data.getAll(name).filter((value) => value !== standard[name])]);
    write(Object.fromEntries(parts));
  }

  const query = () => new URLSearchParams([...chosen()].filter(([name, value]) => name !== "view" && value !== ""));

  function now() {
    clearTimeout(timer);
    keep();
    changed();
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(now, WAIT_MS);
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    if (event.target === bins || event.target === slider) return;
    if (event.target.name !== "view") return now();
    keep();
    redraw();
  });
  slider.addEventListener("input", () => {
    automatic.checked = false;
    bins.value = slider.value;
    soon();
  });
  bins.addEventListener("input", () => {
    if (bins.value === "" || !bins.reportValidity()) return;
    automatic.checked = false;
    slider.value = bins.value;
    soon();
  });
  bins.addEventListener("blur", () => {
    if (bins.value === "" || !bins.checkValidity()) bins.value = slider.value;
  });

  takeFromAddress();
  keep();

  return {
    query,
    isDiameter,
    label: () => option().dataset.label,
    unit: () => option().dataset.unit,
    view: () => view.value,
    isLog: () => form.elements.log_axis.checked,
    quantity: () => quantity.value,
    rule: () => rule.value,
    weighting: () => (isDiameter() ? weighting.value : STANDARD.weighting),
    choose: (name) => {
      quantity.value = name;
      now();
    },
    showBins: (n) => {
      if (automatic.checked && n > 0) setBins(n);
    },
  };
}
