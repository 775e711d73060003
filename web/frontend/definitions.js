// The definition of a term is written below it while the term is pointed at or focused: a title alone needs a mouse.
for (const name of ["pointerover", "focusin"]) {
  document.addEventListener(name, (event) => {
    const term = event.target.closest?.(".defined .term");
    if (!term) return;
    const definition = term.closest(".defined").querySelector(".definition");
    definition.textContent = `${term.textContent.trim()}: ${term.title}`;
  });
}
