// A proposal: the whole draft with the changes in it, each to be accepted or rejected, or all at once.
class Proposal {
  /** @param {Template} root @param {HTMLTextAreaElement} area
   * @param {(kind: Verdict, id: string, piece?: number) => void} verdict without a piece: of all that is open */
  constructor(root, area, verdict) {
    this.id = "";
    this.done = false;
    this.next = 0; // the piece from which on the next open one gets the focus
    this.pressed = /** @type {Verdict} */ ("accept");
    this.box = root.querySelector(".draft-proposal");
    this.diff = root.querySelector(".draft-diff");
    this.said = root.querySelector(".draft-left");
    this.all = { accept: root.querySelector(".accept"), reject: root.querySelector(".reject") };
    this.area = area;
    this.verdict = verdict;
    this.diff.setAttribute("role", "region");
    this.diff.setAttribute("aria-label", TEXT.proposal);
    this.all.accept.addEventListener("click", () => verdict("accept", this.id));
    this.all.reject.addEventListener("click", () => verdict("reject", this.id));
    this.box.addEventListener("keydown", (event) => this.key(event));
    // Another window may have decided meanwhile.
    document.addEventListener("visibilitychange", () => { if (!document.hidden && this.done) trigger("resync"); });
  }
  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.done) return;
    const ctrl = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
    const whole = event.target === this.diff && !ctrl && !this.all.accept.hidden;
    if (whole && (event.key === "Enter" || event.key === "Escape")) this.verdict(event.key === "Enter" ? "accept" : "reject", this.id);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") { if (!this.step(event.key === "ArrowDown" ? 1 : -1)) return; }
    else if (ctrl && (key === "z" || key === "y")) /** @type {HTMLElement | null} */ (document.querySelector(event.shiftKey || key === "y" ? "#redo" : "#undo"))?.click();
    else return;
    event.preventDefault();
  }
  /** From a change's button to the same of the next or the one before. @param {1 | -1} by @returns {boolean} */
  step(by) {
    const now = document.activeElement, kind = now?.className;
    /** @type {HTMLElement[]} */
    const same = [...this.diff.querySelectorAll("button")].filter((button) => button.className === kind);
    const at = same.findIndex((button) => button === now);
    if (at < 0) return false;
    same[(at + by + same.length) % same.length]?.focus();
    return true;
  }
  /** @param {ShownProposal} message @param {string} text the whole draft */
  show(message, text) {
    const again = this.done && message.id === this.id, top = this.diff.scrollTop;
    const inside = this.box.contains(document.activeElement);
    this.id = message.id;
    const start = toUnits(text, message.start), end = toUnits(text, message.end);
    const open = message.done && !message.outdated ? message.pieces.filter((piece) => piece.length > 1).length : 0;
    if (message.done && message.outdated) this.diff.replaceChildren(text);
    else if (message.done) this.diff.replaceChildren(text.slice(0, start), ...this.pieces(message.pieces, open), text.slice(end));
    else this.diff.replaceChildren(text.slice(0, start), node("del", text.slice(start, end)), node("ins", message.text), text.slice(end));
    this.box.hidden = false;
    this.area.hidden = true;
    const old = message.done && message.outdated;
    this.all.accept.hidden = old;
    this.all.accept.textContent = open > 1 ? TEXT.acceptAll : TEXT.accept;
    this.all.reject.textContent = old ? TEXT.close : open > 1 ? TEXT.rejectAll : TEXT.reject;
    this.said.textContent = old ? TEXT.outdated : open > 1 ? TEXT.changes.replace("{}", String(open)) : "";
    this.box.querySelector(".draft-verdict").hidden = !message.done;
    if (message.done && !again) {
      this.done = true;
      this.diff.focus();
      this.diff.querySelector("ins, del")?.scrollIntoView({ block: "center" });
    } else if (again) {
      this.diff.scrollTop = top;
      if (inside) this.refocus();
    }
  }
  /** @param {Piece[]} pieces @param {number} open how many are to be decided @returns {Node[]} */
  pieces(pieces, open) {
    let count = 0;
    return pieces.map((piece) => {
      if (piece.length === 1) return document.createTextNode(piece[0]);
      const [old, now, number] = piece, change = node("span", "");
      change.className = "draft-change";
      change.dataset.piece = String(number);
      change.append(...[old && node("del", old), now && node("ins", now)].filter((part) => part !== ""));
      count += 1;
      if (open > 1) change.append(this.button("accept", number, "✓", count, open), this.button("reject", number, "✕", count, open));
      return change;
    });
  }
  /** @param {Verdict} kind @param {number} number @param {string} sign @param {number} at @param {number} of */
  button(kind, number, sign, at, of) {
    const button = document.createElement("button"), name = `${TEXT[kind]}: ${TEXT.change} ${at} / ${of}`;
    button.type = "button";
    button.className = `draft-one draft-one-${kind}`;
    button.textContent = sign;
    button.title = TEXT[kind];
    button.setAttribute("aria-label", name);
    button.addEventListener("click", () => { this.next = number; this.pressed = kind; this.verdict(kind, this.id, number); });
    return button;
  }
  // After a verdict the focus is on the same button of the change that follows.
  refocus() {
    const changes = /** @type {HTMLElement[]} */ ([...this.diff.querySelectorAll(".draft-change")]);
    const change = changes.find((one) => Number(one.dataset.piece) > this.next) ?? changes[0];
    /** @type {HTMLElement | null | undefined} */
    const button = change?.querySelector(`.draft-one-${this.pressed}`);
    (button ?? this.diff).focus({ preventScroll: true });
    change?.scrollIntoView({ block: "nearest" });
  }
  get shown() { return !this.box.hidden; }
  hide() {
    this.done = false;
    this.box.hidden = true;
    this.area.hidden = false;
  }
}

/** @param {"del" | "ins" | "span"} name @param {string} text */
function node(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
