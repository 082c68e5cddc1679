const STRIP_LABELS = 18;

/** A bar a page, as wide as the page is long and as high as its mean share. */
class PageStrip {
  /** Undefined until there is one; nothing is painted before. @type {Doc} */
  doc;
  /** Set before the first frame. @type {Palette} */
  palette;

  /**
   * `hovered` follows the pointer, `picked` is a press or Enter on a page.
   * @param {HTMLElement} box @param {Axis} axis
   * @param {{ hovered: (index: number | null, event: PointerEvent) => void, picked: (index: number) => void }} told
   */
  constructor(box, axis, { hovered, picked }) {
    this.box = box;
    this.axis = axis;
    this.picked = picked;
    this.view = new Viewport(box, (...args) => this.paint(...args), () => {});
    /** @type {[first: number, last: number] | null} */
    this.range = null;
    /** @type {number[]} */
    this.shares = [];
    this.highest = 1;
    /** The page that is looked at. @type {number | null} */
    this.looked = null;
    /** The page that the keys chose. @type {number | null} */
    this.cursor = null;
    box.addEventListener("pointermove", (event) => hovered(this.pageAt(event), event));
    box.addEventListener("pointerleave", (event) => hovered(null, event));
    box.addEventListener("click", (event) => this.pick(this.pageAt(event)));
    box.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {Doc} doc */
  setDocument(doc) {
    this.doc = doc;
    this.cursor = null;
    this.setShares([], 1);
  }

  /** @param {Palette} palette */
  setPalette(palette) {
    this.palette = palette;
    this.view.invalidate();
  }

  /** @param {number[]} shares 0 to 1, by page @param {number} highest the share of a bar of full height @param {number | null} now the page that is looked at */
  setShares(shares, highest, now = null) {
    this.looked = now;
    this.shares = shares;
    this.highest = highest;
    this.describe();
    this.view.invalidate();
  }

  /** The prompt positions that the document panel shows. @param {[first: number, last: number] | null} range */
  setRange(range) {
    if (this.range?.[0] === range?.[0] && this.range?.[1] === range?.[1]) return;
    this.range = range;
    this.view.invalidate();
  }

  /** The page with the largest share, or -1. */
  get strongest() {
    const most = Math.max(0, ...this.shares);
    return most > 0 ? this.shares.indexOf(most) : -1;
  }

  /** "report.pdf · page 3 · 12%" @param {number} index */
  nameOf(index) {
    const share = this.shares[index];
    return `${this.doc.pages[index].title}${share === undefined ? "" : ` · ${percent(share)}`}`;
  }

  describe() {
    const index = this.cursor ?? Math.max(0, this.strongest);
    const last = (this.doc?.pages.length ?? 0) - 1;
    setSlider(this.box, last, Math.min(index, last), last < 0 ? "" : this.nameOf(index));
  }

  /** @param {MouseEvent} event */
  pageAt(event) {
    if (!this.doc?.pages.length) return null;
    const position = this.axis.positionAt(event, this.view.canvas);
    const index = lastAtMost(this.doc.pages, position, (page) => page.position);
    return index < 0 || position >= this.doc.first + this.doc.tokens ? null : index;
  }

  /** @param {number | null} index */
  pick(index) {
    if (index === null) return;
    this.cursor = index;
    this.describe();
    this.view.invalidate();
    this.picked(index);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const last = (this.doc?.pages.length ?? 0) - 1;
    if (last < 0) return;
    const from = this.cursor ?? Math.max(0, this.strongest);
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last };
    if (event.key in moves) this.cursor = Math.max(0, Math.min(last, moves[event.key]));
    else if (event.key === "Enter" || event.key === " ") this.pick(from);
    else return;
    event.preventDefault();
    this.describe();
    this.view.invalidate();
  }

  /** @type {Paint} */
  paint(ctx, top, width, height) {
    if (!this.doc || !this.palette) return;
    const floor = height - STRIP_LABELS;
    const { pages } = this.doc;
    pages.forEach((page, i) => {
      const x = this.axis.x(page.position, width);
      const end = this.axis.x(pages[i + 1]?.position ?? this.doc.first + this.doc.tokens, width);
      const wide = Math.max(1, end - x - 1);
      ctx.fillStyle = this.palette.outside;
      ctx.fillRect(x, 0, wide, floor);
      const share = this.shares[i] ?? 0;
      const high = share > 0 ? Math.max(2, (floor - 2) * Math.min(1, share / this.highest)) : 0;
      ctx.fillStyle = i === this.looked ? this.palette.accent : this.palette.bar;
      ctx.fillRect(x, floor - high, wide, high);
      if (i > 0 && page.name !== pages[i - 1].name) {
        ctx.fillStyle = this.palette.quiet; // another document begins
        ctx.fillRect(Math.round(x) - 1, 0, 1, height - STRIP_LABELS + 2);
      }
      if (i !== this.cursor) return;
      ctx.strokeStyle = this.palette.accent;
      ctx.lineWidth = 1.5;
      ctx.strokeRect(x + 0.5, 0.75, wide - 1, floor - 1.5);
    });
    this.paintRange(ctx, width, floor);
    this.paintNumbers(ctx, width, height);
  }

  /** @param {Context} ctx @param {number} width @param {number} floor */
  paintRange(ctx, width, floor) {
    ctx.fillStyle = this.palette.rule;
    ctx.fillRect(GUTTER, floor + 2, this.axis.columns(width), 2);
    if (!this.range) return;
    const [from, to] = this.range.map((position) => this.axis.x(position, width));
    ctx.fillStyle = this.palette.accent;
    ctx.fillRect(from, floor + 2, Math.max(3, to - from), 2);
  }

  /**
   * Page numbers where they fit, and where the generated text begins.
   * @param {Context} ctx @param {number} width @param {number} height
   */
  paintNumbers(ctx, width, height) {
    ctx.textBaseline = "alphabetic";
    ctx.font = `11px ${getComputedStyle(this.box).fontFamily}`;
    ctx.fillStyle = this.palette.quiet;
    const y = height - 4;
    const end = Math.min(this.axis.x(this.axis.promptTokens, width) + 3, width - RIGHT - ctx.measureText(T.generated).width);
    ctx.fillText(T.generated, end, y);
    let free = GUTTER - 4;
    for (const page of this.doc.pages) {
      const x = this.axis.x(page.position, width) + 1;
      const { label } = page;
      const wide = ctx.measureText(label).width;
      if (x < free || x + wide > end - 8) continue;
      ctx.fillText(label, x, y);
      free = x + wide + 12;
    }
  }
}
