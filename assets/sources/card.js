// One source: what it is, what is wrong with it, and what can be done with it.
class Card {
  // `act(kind, value)` tells the server what was done.
  constructor(act) {
    this.act = act;
    this.name = make("b");
    this.facts = make("span");
    this.notes = make("div", "notes");
    this.alert = make("p", "alert");
    this.alert.setAttribute("role", "alert");
    this.file = make("div", "file");
    this.password = this.field("password", { type: "password", autocomplete: "off" });
    this.pages = this.field("pages", { placeholder: WORDS.pagesHint, autocomplete: "off" });
    this.actions = make("div", "source-actions");
    this.buttons = Object.fromEntries(["up", "down", "leave-out", "remove"].map((kind) => [kind, this.button(kind)]));
    this.reader = new Reader((number) => act("read", number));
    this.root = make("li", "source file-card");
    this.password.input.addEventListener("keydown", ({ key, target }) => { if (key === "Enter" && target.value) act("unlock", target.value); });
    this.pages.input.addEventListener("keydown", ({ key }) => { if (key === "Enter") this.choose(); });
    this.pages.input.addEventListener("blur", () => this.choose());
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
  show(data, first, last, page) {
    const pages = data.pages ?? null;
    this.leftOut = Boolean(data.leftOut);
    this.root.classList.toggle("left-out", this.leftOut);
    this.showFile(data);
    if (!data.password) this.password.input.value = "";
    if (pages !== null) this.showPages(pages);
    this.showActions(data, first, last);
    this.reader.show(data.count ?? 0, page);
    place(this.root, [
      this.file, data.password && this.password.root, pages !== null && this.pages.root, this.actions, data.count && this.reader.root,
    ]);
  }
  showFile({ name, facts, notes = [], alert }) {
    setText(this.name, name);
    setText(this.facts, facts ?? "");
    setText(this.alert, alert ?? "");
    if (notes.join("\n") !== [...this.notes.children].map((note) => note.textContent).join("\n")) {
      this.notes.replaceChildren(...notes.map((textContent) => make("p", "", { textContent })));
    }
    place(this.file, [this.name, facts && this.facts, this.notes, alert && this.alert]);
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
