// In which languages pages that are pictures of text are recognised.
class Languages {
  // `choose(languages)`: they are to be recognised in these, "deu+eng", the first before all others.
  constructor(choose) {
    this.ticks = make("div", "ticks");
    this.again = make("button", "again", { type: "button", textContent: WORDS.recogniseAgain });
    this.again.addEventListener("click", () => { this.again.disabled = true; choose(this.chosen.join("+")); });
    this.root = make("fieldset", "languages", {}, [make("legend", "", { textContent: WORDS.languages }), this.ticks, this.again]);
    this.used = [];
  }
  get inputs() { return [...this.ticks.querySelectorAll("input")]; }
  // Those that were used keep their order.
  get chosen() {
    const on = this.inputs.filter(({ checked }) => checked).map(({ value }) => value);
    return [...this.used.filter((code) => on.includes(code)), ...on.filter((code) => !this.used.includes(code))];
  }
  // `used`: codes of Tesseract, in their order. `known`: all that can be used.
  show({ used, known }) {
    if (JSON.stringify([used, known]) !== this.shown) {
      this.shown = JSON.stringify([used, known]);
      this.used = used;
      const ticks = known.map((value) => make("input", "", { type: "checkbox", value, checked: used.includes(value) }));
      this.ticks.replaceChildren(...ticks.map((tick) => make("label", "tick", {}, [make("span", "", { textContent: languageName(tick.value) }), tick])));
      for (const tick of ticks) tick.addEventListener("change", () => this.offer());
    }
    this.again.disabled = false;
    this.offer();
  }
  offer() {
    this.again.hidden = this.chosen.length === 0 || this.chosen.join("+") === this.used.join("+");
  }
}
// A language as a reader calls it: "chi_sim" is a code with a variant, which no browser knows.
function languageName(code) {
  const [language, ...variant] = code.split("_");
  try {
    const name = new Intl.DisplayNames(navigator.language, { type: "language" }).of(language);
    return variant.length ? `${name} (${code})` : name;
  } catch {
    return code;
  }
}
