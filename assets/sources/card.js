// One source: its name and pages and what is wrong with it in sight; the rest, and what can be done with it, opens.
class Card {
  // `act(kind, value)` tells the server what was done.
  constructor(act) {
    this.act = act;
    this.name = make("b");
    this.facts = make("span", "facts");
    this.warnings = make("div", "warnings");
    this.alert = make("p", "alert");
    this.alert.setAttribute("role", "alert");
    this.password = this.field("password", { type: "password", autocomplete: "off" });
    this.pages = this.field("pages", { placeholder: WORDS.pagesHint, autocomplete: "off" });
    this.details = make("div", "details");
    this.actions = make("div", "source-actions");
    this.buttons = Object.fromEntries(["up", "down", "leave-out", "remove"].map((kind) => [kind, this.button(kind)]));
    this.reading = new Reading((way) => act("read-as", way));
    this.reader = new Reader((number) => act("read", number));
    this.fold = new Fold("file-fold", [this.name, this.facts]);
    this.fresh = true;
    this.root = make("li", "source file-card");
    this.password.input.addEventListener("keydown", ({ key, target }) => { if (key === "Enter" && target.value) act("unlock", target.value); });
    this.pages.input.addEventListener("keydown", ({ key }) => { if (key === "Enter") this.choose(); });
    this.pages.input.addEventListener("blur", () => this.choose());
  }
  // Show a page of its text, and select in it the characters from `start` up to `end`.
  lookUp(page, start, end) {
    this.fold.open(true);
    this.reader.lookUp(page, start, end);
  }
  field(name, properties) {
    const input = make("input", "", properties);
    return { input, root: make("label", name, {}, [make("span", "", { textContent: WORDS[name] }), input]) };
  }
  button(kind) {
    const button = make("button", kind, { type: "button" });
    button.addEventListener("click", () => this.act(kind, kind === "leave-out" && !this.leftOut));
    return button;
  }
  choose() {
    const { value } = this.pages.input;
    if (value === this.told) return;
    this.told = value;
    this.act("pages", value);
  }
  // `data`: of the server. `first`, `last`: whether it is in the list. `page`: of its text, where that was asked for.
  // `busy`: it is being read once more.
  show(data, first, last, page, busy) {
    const pages = data.pages ?? null;
    this.leftOut = Boolean(data.leftOut);
    this.root.classList.toggle("left-out", this.leftOut);
    setText(this.name, data.name);
    setText(this.facts, data.facts ?? "");
    setText(this.alert, data.alert ?? "");
    lines(this.warnings, data.warnings ?? [], WORDS.warning);
    lines(this.details, data.details ?? []);
    if (!data.password) this.password.input.value = "";
    if (pages !== null) this.showPages(pages);
    this.showActions(data, first, last);
    this.reader.show(data.count ?? 0, page);
    const chosen = this.reading.show(data.reading, busy), way = JSON.stringify(data.reading);
    if (this.way !== undefined && this.way !== way) this.reader.again();
    this.way = way;
    if (this.fresh && !data.readable) this.fold.open(true); // it is there to be removed
    this.fresh = false;
    place(this.fold.body, [this.details, pages !== null && this.pages.root, chosen && this.reading.root, this.actions, data.count && this.reader.root]);
    place(this.root, [
      this.fold.toggle, this.warnings, data.alert && this.alert, data.password && this.password.root, this.fold.body,
    ]);
  }
  // What is being typed stays, and so does a choice that was refused, to be put right.
  showPages(pages) {
    if (pages === this.kept) return;
    const { input } = this.pages, typing = input === document.activeElement && input.value !== this.told;
    this.kept = pages;
    this.told = pages;
    if (!typing && input.value !== pages) input.value = pages;
  }
  showActions(data, first, last) {
    const shown = { up: !first, down: !last, "leave-out": data.readable, remove: true };
    const words = { ...WORDS, "leave-out": this.leftOut ? WORDS.takeIn : WORDS.leaveOut };
    for (const [kind, button] of Object.entries(this.buttons)) {
      setText(button, words[kind]);
      button.setAttribute("aria-label", `${words[kind]}: ${data.name}`);
    }
    place(this.actions, Object.keys(shown).map((kind) => shown[kind] && this.buttons[kind]));
  }
}
