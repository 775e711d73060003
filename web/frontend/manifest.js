// A manifest that is chosen: checked at once, its lines that are wrong listed, and sent as it was checked.
import { countOf } from "./numbers.js";
import { ask, PortalError } from "./portal_api.js";

const MAX_BYTES = 10 * 2 ** 20;

// `field` is the input of a file, `report` the element that says what is in it, `onChange` hears of every change.
export function createManifest(field, report, onChange = () => {}) {
  let chosen = null;
  let checking = Promise.resolve();

  field.addEventListener("change", () => {
    const [file] = field.files;
    chosen = null;
    report.replaceChildren();
    checking = file ? check(file) : Promise.resolve();
    checking.finally(onChange).catch(() => {});
    checking.catch((error) => show(error));
    onChange();
  });

  // A mended file is chosen under the same name: only an empty field tells of that.
  field.addEventListener("click", () => (field.value = ""));
  field.addEventListener("cancel", () => field.dispatchEvent(new Event("change")));

  async function check(file) {
    if (file.size > MAX_BYTES) throw new Error(`A manifest takes ${MAX_BYTES / 2 ** 20} MiB at most.`);
    let content;
    try {
      content = await file.arrayBuffer();
    } catch (cause) {
      throw new Error(`${file.name} cannot be read.`, { cause });
    }
    const { n_entries: nEntries, keys, n_samples: nSamples } = await ask("/manifest-checks", { method: "POST", body: content });
    if (field.files[0] !== file) return;
    chosen = { name: file.name, content };
    const said = [`${countOf(nEntries)} ${nEntries === 1 ? "file" : "files"}`];
    if (nSamples) said.push(`${countOf(nSamples)} ${nSamples === 1 ? "sample" : "samples"}`);
    if (keys.length) said.push(keys.join(", "));
    report.append(Object.assign(document.createElement("p"), { className: "fine", textContent: `Read: ${said.join("; ")}.` }));
  }

  function show(error) {
    const { problems = [], n_problems: nProblems = 0 } = error.details ?? {};
    const head = document.createElement("p");
    head.className = "failed-text";
    head.textContent = problems.length ? "This manifest is refused until these lines are mended:" : error.message;
    report.replaceChildren(head);
    if (!problems.length) return;
    const list = document.createElement("ul");
    list.className = "problems";
    for (const { line, message } of problems) {
      const item = document.createElement("li");
      item.append(Object.assign(document.createElement("b"), { textContent: `Line ${line}` }), ` ${message}`);
      list.append(item);
    }
    report.append(list);
    const nFurther = nProblems - problems.length;
    if (nFurther > 0) report.append(Object.assign(document.createElement("p"), { textContent: `And ${countOf(nFurther)} more.` }));
  }

  // A browser may give a file back after a reload.
  if (field.files.length > 0) field.dispatchEvent(new Event("change"));

  return {
    get isChosen() {
      return field.files.length > 0;
    },
    // Resolves when what is chosen can be sent; rejects where it cannot.
    ready: () => checking,
    async send(submissionId) {
      await checking;
      if (!chosen) return;
      const address = `/submissions/${submissionId}/manifest?name=${encodeURIComponent(chosen.name.toWellFormed())}`;
      try {
        await ask(address, { method: "PUT", body: chosen.content });
      } catch (error) {
        if (error instanceof PortalError && !error.mayPass) show(error);
        throw error;
      }
    },
    clear() {
      field.value = "";
      chosen = null;
      checking = Promise.resolve();
      report.replaceChildren();
    },
  };
}
