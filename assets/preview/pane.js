const WORDS_BEFORE = 24; // characters

// The rendered blocks, in the order of the draft, each with how many of its lines it has.
class Pane {
  constructor(root) {
    this.root = root;
    this.serial = 0;
    this.lines = [];
  }

  /** Whether the message could be applied: it is a change of what is shown. */
  apply({ serial, base, at, cut, blocks }) {
    if (base && base !== this.serial) return false;
    const end = this.root.scrollHeight - this.root.clientHeight - this.root.scrollTop < 24;
    if (!base) {
      this.root.replaceChildren();
      this.lines = [];
    }
    const before = this.root.children[at + cut] ?? null;
    for (let left = cut; left > 0; left--) this.root.children[at].remove();
    for (const [, node] of blocks) this.root.insertBefore(made(node), before);
    this.lines.splice(at, cut, ...blocks.map(([lines]) => lines));
    this.serial = serial;
    this.atEnd = end;
    return true;
  }

  /** The block in which a line of the draft is. */
  blockOf(line) {
    let first = 0;
    const at = this.lines.findIndex((lines) => (first += lines) > line);
    return this.root.children[at < 0 ? this.lines.length - 1 : at] ?? null;
  }

  /** Where in the draft the words before a node of a block begin: the last of them that stand there as they are shown. */
  placeOf(node, text) {
    const block = [...this.root.children].find((one) => one.contains(node)), at = [...this.root.children].indexOf(block);
    const lines = text.split("\n"), first = this.lines.slice(0, at).reduce((sum, count) => sum + count, 0);
    const from = lines.slice(0, first).join("\n").length + (first ? 1 : 0), to = from + lines.slice(first, first + this.lines[at]).join("\n").length;
    const before = document.createRange();
    before.setStart(block, 0);
    before.setEndBefore(node);
    const place = text.slice(from, to).lastIndexOf(before.toString().trimEnd().slice(-WORDS_BEFORE));
    return place < 0 ? from : from + place;
  }

  /** The line of the draft with which the first block begins that is in view. */
  topLine() {
    const top = this.root.getBoundingClientRect().top + 8;
    let line = 0;
    for (const [at, block] of [...this.root.children].entries()) {
      if (block.getBoundingClientRect().bottom > top) return line;
      line += this.lines[at] ?? 0;
    }
    return line;
  }

  /** Scrolls to that line, and to a sentence in its block if there is one with these words. */
  go(line, words = "") {
    const block = this.blockOf(line);
    const place = (words && [...block?.querySelectorAll(".said") ?? []].find((mark) => same(mark.textContent, words))) || block;
    if (!place) return;
    this.root.scrollTop += place.getBoundingClientRect().top - this.root.getBoundingClientRect().top - (words ? this.root.clientHeight / 3 : 12);
    for (const pointed of this.root.querySelectorAll(".pointed")) pointed.classList.remove("pointed");
    if (words) place.classList.add("pointed");
  }
}

/** Whether both have the same letters and digits: in the draft the marks of Markdown stand between them. */
function same(one, other) {
  const [a, b] = [one, other].map((text) => text.replace(/[^\p{L}\p{N}]+/gu, ""));
  return a === b;
}
