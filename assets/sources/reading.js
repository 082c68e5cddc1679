// How a file is read, as far as a person can choose that, and what was left out of it.
class Reading {
  // `choose(way)`: the file is to be read in that way.
  constructor(choose) {
    const encodings = [["", WORDS.byItself], ...Object.entries(WORDS.encodings)];
    this.encoding = make("select", "", {}, encodings.map(([value, textContent]) => make("option", "", { value, textContent })));
    const ticks = { whole_page: "wholePage", running_lines: "runningLines", comments: "comments" };
    this.ticks = Object.fromEntries(Object.keys(ticks).map((name) => [name, make("input", "", { type: "checkbox" })]));
    this.fields = {
      encoding: this.field(this.encoding, "choice", WORDS.encoding),
      ...Object.fromEntries(Object.entries(ticks).map(([name, word]) => [name, this.field(this.ticks[name], "tick", WORDS[word])])),
    };
    this.languages = new Languages((languages) => this.choose({ languages }));
    this.removed = make("div", "details");
    this.root = make("div", "reading");
    this.send = choose;
    for (const input of [this.encoding, ...Object.values(this.ticks)]) input.addEventListener("change", () => this.choose({}));
  }
  field(input, kind, words) {
    return make("label", kind, {}, [make("span", "", { textContent: words }), input]);
  }
  // Sends the way in which it is to be read. What cannot be chosen stays as it was.
  choose(more) {
    const ticked = Object.entries(this.ticks).filter(([name]) => this.data[name] !== undefined).map(([name, { checked }]) => [name, checked]);
    const encoding = this.data.encoding === undefined ? {} : { encoding: this.encoding.value };
    const languages = this.data.languages ? { languages: this.data.languages.used.join("+") } : {};
    this.root.inert = true; // until it is read
    this.send({ ...encoding, ...Object.fromEntries(ticked), ...languages, ...more });
  }
  // `data`: of the server; what cannot be chosen is not in it. `busy`: it is being read. Whether there is anything to show.
  show(data = {}, busy = false) {
    const { encoding, languages, removed = [] } = data;
    this.data = data;
    this.root.inert = busy;
    if (encoding && ![...this.encoding.options].some(({ value }) => value === encoding)) {
      this.encoding.append(make("option", "", { value: encoding, textContent: encoding }));
    }
    this.encoding.value = encoding ?? "";
    for (const [name, tick] of Object.entries(this.ticks)) tick.checked = Boolean(data[name]);
    if (languages) this.languages.show(languages);
    lines(this.removed, removed);
    const offered = Object.entries(this.fields).map(([name, field]) => data[name] !== undefined && field);
    place(this.root, [...offered, languages && this.languages.root, removed.length > 0 && this.removed]);
    return this.root.childElementCount > 0;
  }
}
