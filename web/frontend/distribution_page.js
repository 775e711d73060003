// The page of the distribution of a selection.
import "./definitions.js";
import { showDistribution } from "./distribution.js";

const card = document.getElementById("distribution");
showDistribution(card);

// A criterion that is taken away leaves the look as it is.
document.querySelector(".chosen")?.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link) return;
  const selected = new Set(new URLSearchParams(card.dataset.selection).keys());
  const address = new URL(link.href);
  for (const [name, value] of new URLSearchParams(location.search)) if (!selected.has(name)) address.searchParams.append(name, value);
  link.href = address;
});
