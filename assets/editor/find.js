// Find and replace in the draft: a bar above it, and a layer over the text in which what is found is marked.
const MOST_MARKED = 1000;

/** Where `wanted` stands in `text`, in units. @param {string} text @param {string} wanted @param {boolean} exact of case
 * @returns {Span[]} */
function spansOf(text, wanted, exact) {
  if (!wanted) return [];
  return Array.from(text.matchAll(finder(wanted, exact)), (match) => [match.index, match.index + match[0].length]);
}

/** @param {string} wanted @param {boolean} exact */
function finder(wanted, exact) {
  return new RegExp(valid(wanted).replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), exact ? "gu" : "giu");
}

class Find {
  /** @param {Template} root @param {HTMLTextAreaElement} area @param {(text: string) => void} replaceAll
   * @param {() => void} edited after a passage was replaced */
  constructor(root, area, replaceAll, edited) {
    this.area = area;
    this.bar = root.querySelector(".draft-find");
    this.overlay = new Overlay(area, root.querySelector(".draft-found"));
    this.wanted = this.bar.querySelector(".find-wanted");
    this.instead = this.bar.querySelector(".find-instead");
    this.exact = this.bar.querySelector(".find-case");
    this.count = this.bar.querySelector(".find-count");
    /** @type {Span[]} */
    this.spans = [];
    this.at = -1;
    this.bar.setAttribute("aria-label", TEXT.find);
    this.wanted.setAttribute("aria-label", TEXT.wanted);
    this.instead.setAttribute("aria-label", TEXT.instead);
    this.wanted.placeholder = TEXT.wanted;
    this.instead.placeholder = TEXT.instead;
    this.bar.querySelector(".find-case-label").textContent = TEXT.exact;
    /** @type {[FindButton, string, () => void][]} */
    const buttons = [
      [".find-previous", TEXT.previous, () => this.step(-1)], [".find-next", TEXT.next, () => this.step(1)],
      [".find-replace", TEXT.replace, () => this.replace(edited)],
      [".find-all", TEXT.replaceAll, () => this.replaceAll(replaceAll)], [".find-close", TEXT.close, () => this.close()],
    ];
    for (const [selector, text, act] of buttons) {
      const button = this.bar.querySelector(selector);
      button.textContent = text;
      button.addEventListener("click", act);
    }
    this.wanted.addEventListener("input", () => this.look(this.area.selectionStart));
    this.exact.addEventListener("change", () => this.look(this.area.selectionStart));
    this.bar.addEventListener("keydown", (event) => this.pressed(event, edited));
    area.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() !== "f" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      this.open();
    });
    area.addEventListener("input", () => this.refresh());
  }
  get shown() { return !this.bar.hidden; }

  /** @param {KeyboardEvent} event @param {() => void} edited */
  pressed(event, edited) {
    if (event.isComposing) return;
    const typing = event.target === this.wanted || event.target === this.instead;
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && typing && !event.ctrlKey && !event.metaKey) {
      if (event.target === this.instead) this.replace(edited); else this.step(event.shiftKey ? -1 : 1);
    } else return;
    event.preventDefault();
  }

  open() {
    const { value, selectionStart: start, selectionEnd: end } = this.area, selected = value.slice(start, end);
    if (selected && selected.length <= 200 && !selected.includes("\n")) this.wanted.value = selected;
    this.bar.hidden = false;
    this.wanted.focus();
    this.wanted.select();
    this.look(start);
  }

  close() {
    this.bar.hidden = true;
    this.overlay.show([]);
    this.area.focus({ preventScroll: true });
  }

  // The first that is found from `unit` on, else the first of all.
  /** @param {number} unit */
  look(unit) {
    this.spans = spansOf(this.area.value, this.wanted.value, this.exact.checked);
    this.at = this.spans.findIndex(([start]) => start >= unit);
    if (this.at < 0 && this.spans.length) this.at = 0;
    this.point();
  }

  // The draft is another one: what was found is looked for again, and nothing moves.
  refresh() {
    if (!this.shown) return;
    const start = this.spans[this.at]?.[0] ?? 0;
    this.spans = spansOf(this.area.value, this.wanted.value, this.exact.checked);
    this.at = this.spans.findIndex(([first]) => first >= start);
    this.draw();
  }

  /** @param {number} by */
  step(by) {
    if (!this.spans.length) return;
    this.at = (this.at + by + this.spans.length) % this.spans.length;
    this.point();
  }

  point() {
    this.draw();
    const span = this.spans[this.at];
    if (!span) return;
    this.area.setSelectionRange(...span);
    this.overlay.reveal("mark.current");
  }

  /** @param {() => void} edited */
  replace(edited) {
    const span = this.spans[this.at];
    if (!span || this.area.readOnly) return;
    this.area.setRangeText(this.instead.value, ...span, "end");
    edited();
    this.look(span[0] + this.instead.value.length);
  }

  /** @param {(text: string) => void} send */
  replaceAll(send) {
    if (!this.spans.length || this.area.readOnly) return;
    send(this.area.value.replace(finder(this.wanted.value, this.exact.checked), () => this.instead.value));
  }

  draw() {
    const first = Math.max(0, this.at - MOST_MARKED / 2);
    this.overlay.show(this.spans.slice(first, first + MOST_MARKED), (i) => (first + i === this.at ? "current" : ""));
    this.count.textContent = !this.wanted.value ? "" : this.spans.length ? TEXT.place(this.at + 1, this.spans.length) : TEXT.nowhere;
    for (const selector of /** @type {const} */ ([".find-previous", ".find-next"])) this.bar.querySelector(selector).disabled = !this.spans.length;
    for (const selector of /** @type {const} */ ([".find-replace", ".find-all"])) {
      this.bar.querySelector(selector).disabled = !this.spans.length || this.area.readOnly;
    }
  }
}
