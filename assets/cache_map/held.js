const QUOTE = 1;
const QUOTE_BEGINS = 2;
const QUOTE_ENDS = 4;

/** What the model kept while a part of the draft was written, by token of the document. */
class Held {
  /** @param {HeldMessage} held @param {Doc} doc */
  constructor(held, doc) {
    this.pages = held.pages.map(([index, part]) => ({ index, part, page: doc.pages[index] })).filter(({ page }) => page);
    this.note = held.note;
    this.count = held.quotes.length;
    this.near = held.near;
    this.marked = this.pages.length + held.quotes.length + held.near.length > 0;
    this.shares = new Float32Array(doc.tokens);
    this.quotes = new Uint8Array(doc.tokens);
    this.similarities = new Uint8Array(doc.tokens); // of what stands there nearly word for word, in per cent
    for (const [first, end, similarity] of held.near) this.similarities.fill(similarity, first - doc.first, end - doc.first);
    for (const [first, end, share] of held.passages) this.shares.fill(share, first - doc.first, end - doc.first);
    for (const [first, end] of held.quotes) {
      for (let token = first - doc.first; token < end - doc.first; token++) this.quotes[token] |= QUOTE;
      this.quotes[first - doc.first] |= QUOTE_BEGINS;
      this.quotes[end - doc.first - 1] |= QUOTE_ENDS;
    }
    this.passages = held.passages;
    this.strongest = (held.passages[0] ?? held.quotes[0] ?? held.near[0] ?? [this.pages[0]?.page.position ?? doc.first])[0];
  }

  /** The part of all that was kept that was of each page, 0 to 1. @param {Doc} doc */
  parts(doc) {
    /** @type {number[]} */
    const parts = new Array(doc.pages.length).fill(0);
    for (const { index, part } of this.pages) parts[index] = part;
    return parts;
  }

  /** Where the most held passage of a page begins, or the page itself. @param {number} index @param {Doc} doc */
  begin(index, doc) {
    const { position } = doc.pages[index];
    const end = doc.pages[index + 1]?.position ?? doc.first + doc.tokens;
    return (this.passages.find(([first]) => first >= position && first < end) ?? [position])[0];
  }
}

/** The line over the document: the pages that were kept, as buttons that lead there. */
class HeldBar {
  /** @param {Template} root @param {{ went: (index: number) => void, closed: () => void }} told */
  constructor(root, { went, closed }) {
    this.root = root;
    this.list = root.querySelector(".ckm-kept-pages");
    this.summary = root.querySelector(".ckm-kept-summary");
    this.went = went;
    root.querySelector(".ckm-close").addEventListener("click", closed);
  }

  /** @param {Held | null} held */
  show(held) {
    this.root.hidden = !held;
    this.list.replaceChildren();
    if (!held) return;
    const { pages, note, near, count: quotes } = held;
    const found = pages.length ? T.keptWhile : T.nothingKept;
    const words = [{ typed: T.typed, full: T.noCache, "": found }[note]];
    if (quotes) words.push(T.quotes(count(quotes), quotes === 1));
    if (near.length) words.push(T.nears(count(near.length), near.length === 1, Math.max(...near.map(([, , share]) => share))));
    this.summary.textContent = words.join(" · ");
    for (const { index, part, page } of pages.slice(0, MOST_CHIPS)) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "ckm-chip";
      button.textContent = `${page.title} · ${percent(part)}`;
      button.addEventListener("click", () => this.went(index));
      this.list.append(button);
    }
  }
}

const MOST_CHIPS = 5;
