// The particle table: sorted and paged by the server. Rows are read on from the last one that is known, never by an offset.
import { read, write } from "./address.js";
import { decimalsFor, format } from "./numbers.js";
import { ask } from "./portal_api.js";

const ROWS = 25;
const LARGEST_PAGE = 500; // of the API
const COUNTS = new Set(["label", "area_px"]); // whole by nature; other numbers may be whole by chance

export function showParticles(result, columns, { highlight, choose, remember, particle }) {
  const table = document.getElementById("particles");
  const body = table.querySelector("tbody.rows");
  const pinned = table.querySelector("tbody.pinned");
  const definition = document.getElementById("definition");
  const where = document.getElementById("where");
  const [previous, next] = document.querySelectorAll("button[data-page]");
  const total = Number(result.dataset.particles);
  const pages = Math.max(1, Math.ceil(total / ROWS));
  const names = columns.map((column) => column.name);
  const state = {
    sort: names.includes(read("sort")) ? read("sort") : "label",
    order: read("order") === "desc" ? "desc" : "asc",
    page: Math.min(pages, Math.max(1, Math.round(Number(read("page"))) || 1)),
  };
  let rows = [];
  let cursor = null;
  let generation = 0;
  let chosen = null;

  async function load() {
    const mine = ++generation;
    body.setAttribute("aria-busy", "true");
    showOrder();
    try {
      while (rows.length < Math.min(total, state.page * ROWS)) {
        const missing = Math.min(total, state.page * ROWS) - rows.length;
        const query = new URLSearchParams({ sort: state.sort, order: state.order, limit: Math.min(missing, LARGEST_PAGE) });
        if (cursor) query.set("cursor", cursor);
        const page = await ask(`/analyses/${result.dataset.analysis}/particles?${query}`);
        if (mine !== generation) return; // the order was changed meanwhile
        rows.push(...page.items);
        cursor = page.next_cursor;
        remember(page.items);
        if (cursor === null) break;
      }
    } catch (error) {
      if (mine === generation) showError(error.message);
      return;
    }
    write({ sort: state.sort === "label" ? null : state.sort, order: state.order === "asc" ? null : "desc", page: state.page === 1 ? null : state.page });
    show();
  }

  function show() {
    const first = (state.page - 1) * ROWS;
    const shown = rows.slice(first, first + ROWS);
    const decimals = decimalsOf(shown);
    body.replaceChildren(...shown.map((row) => rowOf(row, decimals)));
    body.removeAttribute("aria-busy");
    where.textContent = `${first + 1} to ${first + shown.length} of ${total}`;
    previous.disabled = state.page === 1;
    next.disabled = state.page === pages;
    showChosen();
  }

  const decimalsOf = (some) => columns.map(({ name }) => (COUNTS.has(name) ? 0 : decimalsFor(some.map((row) => row[name]))));

  function rowOf(row, decimals) {
    const line = document.createElement("tr");
    line.dataset.label = row.label;
    columns.forEach(({ name }, i) => {
      const cell = line.insertCell();
      if (name === "label") {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: row.label });
        button.setAttribute("aria-label", `Particle ${row.label}, show in the picture`);
        cell.append(button);
        cell.className = "n";
      } else if (typeof row[name] === "boolean") {
        cell.textContent = row[name] ? "yes" : "no";
      } else {
        cell.textContent = format(row[name], decimals[i]);
        cell.className = "n";
      }
    });
    return line;
  }

  function showError(message) {
    const cell = document.createElement("td");
    cell.colSpan = columns.length;
    cell.className = "error";
    cell.textContent = message;
    const line = document.createElement("tr");
    line.append(cell);
    body.replaceChildren(line);
    body.removeAttribute("aria-busy");
  }

  function showOrder() {
    for (const head of table.querySelectorAll("th[data-quantity]")) {
      if (head.dataset.quantity === state.sort) head.setAttribute("aria-sort", state.order === "asc" ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
  }

  // A chosen particle that is on another page stands above the others, so that picture and table never contradict each other.
  async function showChosen() {
    for (const line of table.querySelectorAll("tr.chosen")) line.classList.remove("chosen");
    pinned.hidden = true;
    if (chosen === null) return;
    const line = lineOf(chosen);
    if (line) {
      line.classList.add("chosen");
      return;
    }
    const label = chosen;
    const row = await particle(label).catch(() => null);
    if (row === null || label !== chosen || lineOf(label)) return;
    pinned.replaceChildren(rowOf(row, decimalsOf([row])));
    pinned.firstChild.classList.add("chosen");
    pinned.hidden = false;
  }

  const lineOf = (label) => body.querySelector(`tr[data-label="${label}"]`);
  const labelAt = (event) => Number(event.target.closest("tbody tr[data-label]")?.dataset.label) || null;

  table.addEventListener("pointerover", (event) => highlight(labelAt(event)));
  table.addEventListener("pointerleave", () => highlight(null));
  table.addEventListener("focusin", (event) => highlight(labelAt(event)));
  table.addEventListener("focusout", () => highlight(null));
  table.addEventListener("click", (event) => {
    const head = event.target.closest("th[data-quantity]");
    const label = labelAt(event);
    if (label) choose(label);
    if (!head) return;
    const turn = state.sort === head.dataset.quantity && state.order === "asc";
    Object.assign(state, { sort: head.dataset.quantity, order: turn ? "desc" : "asc", page: 1 });
    rows = [];
    cursor = null;
    load();
  });
  for (const name of ["pointerover", "focusin"]) {
    table.tHead.addEventListener(name, (event) => {
      const button = event.target.closest("th")?.querySelector("button");
      if (button) definition.textContent = `${button.textContent.trim()}: ${button.dataset.definition}`;
    });
  }
  previous.addEventListener("click", () => turnTo(state.page - 1));
  next.addEventListener("click", () => turnTo(state.page + 1));
  function turnTo(page) {
    state.page = page;
    load();
  }
  load();

  return {
    highlight: (label) => {
      table.querySelector("tr.highlighted")?.classList.remove("highlighted");
      if (label !== null) lineOf(label)?.classList.add("highlighted");
    },
    choose: (label) => {
      chosen = label;
      showChosen();
    },
  };
}
