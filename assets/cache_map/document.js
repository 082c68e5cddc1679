const MARGIN = 18;
const FONT_SIZE = 14;

/** The document's text on canvas, every token on the shade of its share. */
class DocumentPanel {
  /** `hovered(position | null, event)` is told the prompt position under the pointer, `scrolled()` that the view moved. */
  constructor(scroll, { hovered, scrolled }) {
    this.scrolled = scrolled;
    this.view = new Viewport(scroll, (...args) => this.paint(...args), () => this.arrange());
    this.doc = null;
    this.palette = null;
    this.levels = null;
    this.previous = null;
    this.marked = null;
    this.lines = [];
    scroll.addEventListener("pointermove", (event) => hovered(this.positionAt(event), event));
    scroll.addEventListener("pointerleave", (event) => hovered(null, event));
  }

  setDocument(doc) {
    this.doc = doc;
    this.levels = this.previous = this.marked = null;
    this.arrange();
    this.view.scrollTo(0, false);
  }

  /** `levels`: a byte a prompt position, 255 for all pairs; `previous`: the same before, or null. */
  setLevels(levels, previous) {
    this.levels = levels;
    this.previous = previous;
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
    for (const { token, left, right } of this.cells(ctx, line)) {
      const position = this.doc.first + token;
      const level = this.levels?.[position] ?? 0;
      if (level) {
        ctx.fillStyle = this.palette.shades[shade(level / 255)];
        ctx.fillRect(MARGIN + left, y + 1, right - left, line.height - 2);
      }
      if (level && this.previous && !this.previous[position]) {
        ctx.fillStyle = this.palette.shades[SHADES];
        ctx.fillRect(MARGIN + left, y + line.height - 3, right - left, 1);
      }
    }
    ctx.fillStyle = this.palette.text;
    ctx.fillText(this.doc.text.slice(line.from, line.to), MARGIN, middle);
    if (this.marked !== null && this.marked >= line.from && this.marked < line.to) {
      ctx.fillStyle = this.palette.accent;
      ctx.fillRect(6, y + 2, 3, line.height - 4);
    }
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
    let left = edge(from - line.from);
    for (let token = tokenAt(this.doc, from); token < tokens && starts[token] < to; token++) {
      const end = Math.min(starts[token + 1], to);
      if (end === starts[token]) continue;
      const right = edge(end - line.from);
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
