// The headings of the draft as a list to move by; the one in which the person is has a mark.
class Outline {
  /** @param {(heading: {start: number, line: number}) => void} go */
  constructor(root, toggle, go) {
    this.root = root;
    this.toggle = toggle;
    this.go = go;
    this.found = [];
    this.shown = "";
    toggle.textContent = TEXT.outline;
    root.setAttribute("aria-label", TEXT.outline);
    toggle.addEventListener("click", () => this.open(root.hidden));
  }
  get isOpen() { return !this.root.hidden; }
  open(on) {
    this.root.hidden = !on;
    this.toggle.setAttribute("aria-expanded", String(on));
    document.dispatchEvent(new Event("outline-opened"));
  }
  /** @param {string} text of the draft */
  show(text) {
    this.found = headings(text);
    const key = JSON.stringify(this.found.map(({ level, title }) => [level, title]));
    if (key === this.shown) return;
    this.shown = key;
    if (!this.found.length) {
      this.root.replaceChildren(Object.assign(document.createElement("p"), { textContent: TEXT.noHeadings }));
      return;
    }
    const top = Math.min(...this.found.map(({ level }) => level)), focused = this.buttons.indexOf(document.activeElement);
    const list = document.createElement("ol");
    list.append(...this.found.map(({ level, title }, at) => {
      const item = document.createElement("li"), button = document.createElement("button");
      item.style.setProperty("--depth", String(level - top));
      Object.assign(button, { type: "button", textContent: title, title });
      button.addEventListener("click", () => this.go(this.found[at]));
      item.append(button);
      return item;
    }));
    this.root.replaceChildren(list);
    this.buttons[focused]?.focus();
  }
  get buttons() { return [...this.root.querySelectorAll("button")]; }
  /** Marks the last heading for which `before` holds. */
  mark(before) {
    const at = this.found.findLastIndex(before);
    for (const [i, button] of this.buttons.entries()) {
      if (i !== at) button.removeAttribute("aria-current");
      else if (!button.hasAttribute("aria-current")) {
        button.setAttribute("aria-current", "true");
        const { offsetTop: top, offsetHeight: height } = button;
        if (top < this.root.scrollTop || top + height > this.root.scrollTop + this.root.clientHeight) this.root.scrollTop = top - height;
      }
    }
  }
}
