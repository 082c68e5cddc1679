const MARGIN = 18;
const FONT_SIZE = 14;
const DASH = 8;

/** The document's text on canvas, every token marked by its share, by what happened to it, or by a passage. */
class DocumentPanel {
  /** `hovered(position | null, event)` is told the prompt position under the pointer, `scrolled()` that the view moved. */
  constructor(scroll, { hovered, scrolled }) {
    this.scrolled = scrolled;
    this.view = new Viewport(scroll, (...args) => this.paint(...args), () => this.arrange());
    this.doc = null;
    this.palette = null;
    this.marked = null;
    this.lines = [];
    this.setMarks({ mode: "share" });
    scroll.addEventListener("pointermove", (event) => hovered(this.positionAt(event), event));
    scroll.addEventListener("pointerleave", (event) => hovered(null, event));
  }

  setDocument(doc) {
    this.doc = doc;
    this.marked = null;
    this.arrange();
    this.view.scrollTo(0, false);
  }

  /**
   * `mode` is "share", "changes" or "passages"; `levels`: a byte a prompt position, 255 for all pairs, `before`: the same
   * before the refresh, or null; `held`: a Held.
   */
  setMarks({ mode, levels = null, before = null, held = null }) {
    [this.mode, this.levels, this.before, this.held] = [mode, levels, before, held];
    this.view.invalidate();
  }

  setPalette(palette) {
    this.palette = palette;
    this.view.invalidate();
  }

  arrange() {
    const { width, ctx } = this.view;
    if (!this.doc || !width) return this.view.invalidate();
    const family = getComputedStyle(this.view.scroll).fontFamily;
    this.font = `${FONT_SIZE}px ${family}`;
    this.smallFont = `600 11px ${family}`;
    ctx.font = this.font;
    const widths = new Map();
    const measure = (unit) => {
      if (!widths.has(unit)) widths.set(unit, ctx.measureText(unit).width);
      return widths.get(unit);
    };
    const laid = layOut(this.doc, width - 2 * MARGIN, measure);
    this.lines = laid.lines;
    this.view.setContentHeight(laid.height + MARGIN);
    this.view.invalidate();
  }

  paint(ctx, top, width, height) {
    if (!this.doc || !this.palette) return;
    ctx.textBaseline = "middle";
    for (let i = Math.max(0, this.lineAt(top)); i < this.lines.length && this.lines[i].y < top + height; i++) {
      const line = this.lines[i];
      if (line.title) this.paintDivider(ctx, line, line.y - top, width);
      else this.paintLine(ctx, line, line.y - top);
    }
    this.scrolled();
  }

  paintDivider(ctx, line, y, width) {
    const middle = y + line.height / 2 + 4;
    ctx.font = this.smallFont;
    ctx.fillStyle = this.palette.quiet;
    ctx.fillText(line.title, MARGIN, middle, width - 2 * MARGIN);
    const from = MARGIN + ctx.measureText(line.title).width + 12;
    ctx.fillStyle = this.palette.rule;
    ctx.fillRect(from, Math.round(middle), Math.max(0, width - MARGIN - from), 1);
  }

  paintLine(ctx, line, y) {
    ctx.font = this.font;
    const middle = y + line.height / 2;
    const marks = { share: this.markShare, changes: this.markChange, passages: this.markPassage }[this.mode];
    for (const { token, left, right } of this.cells(ctx, line)) {
      marks.call(this, ctx, token, { x: MARGIN + left, y: y + 1, width: right - left, height: line.height - 2 });
    }
    ctx.fillStyle = this.palette.text;
    ctx.fillText(this.doc.text.slice(line.from, line.to), MARGIN, middle);
    if (this.marked !== null && this.marked >= line.from && this.marked < line.to) {
      ctx.fillStyle = this.palette.accent;
      ctx.fillRect(6, y + 2, 3, line.height - 4);
    }
  }

  markShare(ctx, token, box) {
    const level = this.levels?.[this.doc.first + token];
    if (level) this.fill(ctx, this.palette.shades[shade(level / 255)], box);
  }

  /** Entered: filled over a thick line. Stayed: filled. Left: struck through. */
  markChange(ctx, token, box) {
    if (!this.levels || !this.before) return;
    const position = this.doc.first + token;
    const change = changeOf(this.levels[position], this.before[position]);
    const { palette } = this;
    const { x, y, width, height } = box;
    if (change === "stayed") this.fill(ctx, palette.stayed, box);
    else if (change === "left") this.fill(ctx, palette.leftMark, { x, y: y + height / 2, width, height: 1.5 });
    else if (change === "entered") {
      this.fill(ctx, palette.entered, box);
      this.fill(ctx, palette.enteredMark, { x, y: y + height - 2.5, width, height: 2.5 });
    }
  }

  /** Passages are filled by their share; quotes stand between two lines, closed at both ends, near ones between dashes. */
  markPassage(ctx, token, box) {
    const share = this.held?.shares[token];
    if (share) this.fill(ctx, this.palette.shades[shade(share)], box);
    const quote = this.held?.quotes[token];
    const { x, y, width, height } = box;
    const { accent } = this.palette;
    if (!quote && this.held?.similarities[token]) {
      for (let from = x - (x % DASH); from < x + width; from += DASH) {
        const [left, right] = [Math.max(x, from), Math.min(x + width, from + DASH / 2)];
        for (const edge of [y, y + height - 1.5]) this.fill(ctx, accent, { x: left, y: edge, width: Math.max(0, right - left), height: 1.5 });
      }
    }
    if (!quote) return;
    for (const edge of [y, y + height - 1.5]) this.fill(ctx, accent, { x, y: edge, width, height: 1.5 });
    if (quote & QUOTE_BEGINS) this.fill(ctx, accent, { x: x + 1, y, width: 1.5, height });
    if (quote & QUOTE_ENDS) this.fill(ctx, accent, { x: x + width - 1.5, y, width: 1.5, height });
  }

  fill(ctx, colour, { x, y, width, height }) {
    ctx.fillStyle = colour;
    ctx.fillRect(x, y, width, height);
  }

  /** The line's tokens and their left and right edges in pixels, measured once, when the line is first seen. */
  cells(ctx, line) {
    if (line.cells) return line.cells;
    const { starts, tokens } = this.doc;
    const text = this.doc.text.slice(line.from, line.to);
    const edge = (offset) => ctx.measureText(text.slice(0, offset)).width;
    const from = line.from + text.length - text.trimStart().length; // white space at the edges stays unshaded
    const to = line.from + text.trimEnd().length;
    line.cells = [];
    let left = Math.round(edge(from - line.from)); // whole pixels: no seams between neighbours
    for (let token = tokenAt(this.doc, from); token < tokens && starts[token] < to; token++) {
      const end = Math.min(starts[token + 1], to);
      if (end === starts[token]) continue;
      const right = Math.round(edge(end - line.from));
      line.cells.push({ token, left, right });
      left = right;
    }
    return line.cells;
  }

  lineAt(y) {
    return lastAtMost(this.lines, y, (line) => line.y);
  }

  positionAt(event) {
    const box = this.view.canvas.getBoundingClientRect();
    const line = this.lines[this.lineAt(event.clientY - box.top + this.view.scroll.scrollTop)];
    const x = event.clientX - box.left - MARGIN;
    const cell = line?.cells?.find(({ left, right }) => x >= left && x < right);
    return cell ? this.doc.first + cell.token : null;
  }

  /** Bring a prompt position into view and mark its line; positions outside the document lead to its nearer end. */
  show(position, smooth) {
    const token = Math.max(0, Math.min(position - this.doc.first, this.doc.tokens - 1));
    const line = this.lines[lastAtMost(this.lines, this.doc.starts[token], (item) => item.from)];
    if (!line) return;
    this.marked = line.from;
    this.view.scrollTo(line.y - this.view.height / 3, smooth);
    this.view.invalidate();
  }

  /** The first and last prompt position in view, or null. */
  visible() {
    if (!this.doc || !this.lines.length) return null;
    const top = this.view.scroll.scrollTop;
    const first = this.lines[Math.max(0, this.lineAt(top))];
    const last = this.lines[Math.max(0, this.lineAt(top + this.view.height))];
    return [first.from, last.to].map((offset) => this.doc.first + tokenAt(this.doc, offset));
  }
}
