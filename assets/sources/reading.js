// How a file is read, as far as a person can choose that, and what was left out of it.
class Reading {
  // `choose(way)`: the file is to be read in that way.
  constructor(choose) {
    const encodings = [["", WORDS.byItself], ...Object.entries(WORDS.encodings)];
    this.encoding = make("select", "", {}, encodings.map(([value, textContent]) => make("option", "", { value, textContent })));
    this.whole = make("input", "", { type: "checkbox" });
    this.running = make("input", "", { type: "checkbox" });
    this.fields = [this.field(this.encoding, "encoding"), this.field(this.whole, "wholePage"), this.field(this.running, "runningLines")];
    this.removed = make("div", "details");
    this.root = make("div", "reading");
    for (const input of this.inputs) {
      input.addEventListener("change", () => {
        const way = { encoding: this.encoding.value, whole_page: this.whole.checked, running_lines: this.running.checked };
        for (const other of this.inputs) other.disabled = true; // until it is read
        choose(way);
      });
    }
  }
  get inputs() { return [this.encoding, this.whole, this.running]; }
  field(input, name) {
    return make("label", input === this.encoding ? "choice" : "tick", {}, [make("span", "", { textContent: WORDS[name] }), input]);
  }
  // `data`: of the server; what cannot be chosen is not in it. Whether there is anything to show.
  show({ encoding, whole_page, running_lines, removed = [] } = {}) {
    for (const input of this.inputs) input.disabled = false;
    if (encoding && ![...this.encoding.options].some(({ value }) => value === encoding)) {
      this.encoding.append(make("option", "", { value: encoding, textContent: encoding }));
    }
    this.encoding.value = encoding ?? "";
    this.whole.checked = Boolean(whole_page);
    this.running.checked = Boolean(running_lines);
    lines(this.removed, removed);
    const offered = [encoding, whole_page, running_lines].map((chosen) => chosen !== undefined);
    place(this.root, [...this.fields.map((field, i) => offered[i] && field), removed.length > 0 && this.removed]);
    return this.root.childElementCount > 0;
  }
}
