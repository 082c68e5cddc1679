// A section of the text, or a chapter that has none, with the parts that belong to it.
class Group {
  // `act(kind, value)` tells the server what was done.
  constructor(act) {
    this.act = act;
    this.heading = make("span", "heading");
    this.pages = make("small");
    this.actions = make("div", "plan-actions");
    this.list = make("ul");
    this.root = make("details", "plan-group", {}, [make("summary", "", {}, [this.heading, " ", this.pages]), this.actions, this.list]);
    this.root.addEventListener("toggle", () => this.fill());
  }
  // `states`: what the model can see of a part.
  show(data, states) {
    this.data = data;
    this.states = states;
    setText(this.heading, data.heading);
    setText(this.pages, data.pages ? WORDS.pages(data.pages) : WORDS.unread);
    this.root.classList.toggle("unread", !data.pages);
    this.fill();
  }
  // Rows of a group that is closed are not made: there may be hundreds.
  fill() {
    if (!this.root.open) return;
    const { heading, parts, again } = this.data, read = parts.some(({ state }) => state === "full");
    const shown = [
      again && this.button("again", WORDS.again, heading),
      this.button("all", read ? WORDS.leaveOut : WORDS.takeIn, read ? "none" : "full"),
    ];
    const focused = this.actions.contains(document.activeElement) ? document.activeElement.className : "";
    this.actions.replaceChildren(...shown.filter(Boolean));
    if (focused) this.actions.querySelector(`.${focused}`)?.focus({ preventScroll: true });
    const rows = new Map([...this.list.children].map((row) => [row.dataset.id, row]));
    place(this.list, parts.map((part) => this.row(part, rows.get(part.id))));
  }
  button(kind, text, value) {
    const button = make("button", kind, { type: "button", textContent: text });
    button.setAttribute("aria-label", WORDS.of(text, this.data.heading));
    const parts = this.data.parts;
    button.addEventListener("click", () => {
      if (kind === "again") this.act("again", value);
      else this.act("parts", Object.fromEntries((value === "full" ? parts.slice(0, 1) : parts).map(({ id }) => [id, value])));
    });
    return button;
  }
  row(part, row = this.made(part.id)) {
    const select = row.querySelector("select"), title = WORDS.part(part.pages, part.title);
    const states = [...select.options].map(({ value }) => value);
    if (states.join() !== this.states.join()) {
      select.replaceChildren(...this.states.map((value) => make("option", "", { value, textContent: WORDS[value] })));
    }
    if (select !== document.activeElement || select.value !== part.state) select.value = part.state;
    select.setAttribute("aria-label", WORDS.state(title));
    setText(row.querySelector(".part-title"), title);
    this.showText(row, part);
    row.className = part.state;
    return row;
  }
  // What is quoted, or a note, which can be written anew; without words it is again as it would be.
  showText(row, { id, state, text }) {
    const quoted = row.querySelector(".quoted");
    setText(quoted, state === "note" ? "" : text);
    let note = row.querySelector("textarea");
    if (state !== "note") { note?.remove(); return; }
    if (!note) {
      note = row.appendChild(make("textarea", "", { rows: 2 }));
      note.addEventListener("change", () => this.act("note", { id, text: note.value }));
    }
    note.setAttribute("aria-label", WORDS.noteOn(row.querySelector(".part-title").textContent));
    if (note !== document.activeElement) note.value = text;
  }
  made(id) {
    const select = make("select"), row = make("li", "", {}, [make("label", "", {}, [make("span", "part-title"), select]), make("p", "quoted")]);
    row.dataset.id = id;
    select.addEventListener("change", () => this.act("parts", { [id]: select.value }));
    return row;
  }
}
