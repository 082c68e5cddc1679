const MARGIN = 18;
const FONT_SIZE = 14;
const DASH = 8;

/** The document's text on canvas, every token marked by its share, by what happened to it, or by a passage. */
class DocumentPanel {
  /** Undefined until there is one; nothing is painted before. @type {Doc} */
  doc;
  /** Set before the first frame. @type {Palette} */
  palette;

  /**
   * `hovered` is told the prompt position under the pointer, `scrolled` that the view moved, `picked` which sentence was
   * pressed, null for none: by pointer, or with Enter the one of the marked line or else the first in view.
   * @param {HTMLElement} scroll
   * @param {{ hovered: (position: number | null, event: PointerEvent) => void, scrolled: () => void,
   *   picked: (sentence: Stretch | null) => void }} told
   */
  constructor(scroll, { hovered, scrolled, picked }) {
    this.scrolled = scrolled;
    this.view = new Viewport(scroll, (...args) => this.paint(...args), () => this.lay());
    /** What the document is made of, measured in this font at this pixel ratio. @type {Units | null} */
    this.units = null;
    this.measuredFor = "";
    /** Where the marked line begins. @type {number | null} */
    this.marked = null;
    /** The sentence that was pressed. @type {Stretch | null} */
    this.sentence = null;
    /** @type {Line[]} */
    this.lines = [];
    this.font = this.smallFont = "";
    /** @type {Mode} */
    this.mode = "share";
    this.setMarks({ mode: "share" });
    scroll.addEventListener("pointermove", (event) => hovered(this.positionAt(event), event));
    scroll.addEventListener("pointerleave", (event) => hovered(null, event));
    scroll.addEventListener("click", (event) => {
      const position = this.positionAt(event);
      const end = position === null ? null : this.doc.starts[position - this.doc.first + 1]; // a token begins with a blank
      picked(end === null ? null : sentenceAt(this.doc, end - 1));
    });
    scroll.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !this.lines.length) return;
      const line = this.lines.find(({ from, to, y }) => (this.marked === null ? y >= scroll.scrollTop && to > from : from === this.marked));
      if (line) picked(sentenceAt(this.doc, line.from));
    });
  }

  /** @param {Doc} doc */
  setDocument(doc) {
    this.doc = doc;
    this.marked = this.sentence = null;
    this.arrange();
    this.view.scrollTo(0, false);
  }

  /**
   * `levels`: a byte a prompt position, 255 for all pairs; `before`: the same before the refresh.
   * @param {{ mode: Mode, levels?: Uint8Array | null, before?: Uint8Array | null, held?: Held | null }} marks
   */
  setMarks({ mode, levels = null, before = null, held = null }) {
    this.mode = mode;
    this.levels = levels;
    this.before = before;
    this.held = held;
    this.view.invalidate();
  }

  /** @param {Stretch | null} sentence */
  setSentence(sentence) {
    this.sentence = sentence;
    this.view.invalidate();
  }

  /** @param {Palette} palette */
  setPalette(palette) {
    this.palette = palette;
    this.view.invalidate();
  }

  /** Measure the text anew and lay it out. */
  arrange() {
    this.units = null;
    this.lay();
  }

  lay() {
    const { width, ctx, ratio } = this.view;
    if (!this.doc || !width) return this.view.invalidate();
    const family = getComputedStyle(this.view.scroll).fontFamily;
    this.font = `${FONT_SIZE}px ${family}`;
    this.smallFont = `600 11px ${family}`;
    ctx.font = this.font;
    const measuredFor = `${this.font} ${ratio}`;
    if (!this.units || measuredFor !== this.measuredFor) {
      this.units = unitsOf(this.doc.text, (unit) => ctx.measureText(unit).width);
      this.measuredFor = measuredFor;
    }
    const laid = layOut(this.doc, this.units, width - 2 * MARGIN);
    this.lines = laid.lines;
    this.view.setContentHeight(laid.height + MARGIN);
    this.view.invalidate();
  }

  /** @type {Paint} */
  paint(ctx, top, width, height) {
    if (!this.doc || !this.palette) return;
    ctx.textBaseline = "middle";
    for (let i = Math.max(0, this.lineAt(top)); i < this.lines.length && this.lines[i].y < top + height; i++) {
      const line = this.lines[i];
      if (line.title) this.paintDivider(ctx, line.title, line.y - top + line.height / 2 + 4, width);
      else this.paintLine(ctx, line, line.y - top);
    }
    this.scrolled();
  }

  /** @param {Context} ctx @param {string} title @param {number} middle @param {number} width */
  paintDivider(ctx, title, middle, width) {
    ctx.font = this.smallFont;
    ctx.fillStyle = this.palette.quiet;
    ctx.fillText(title, MARGIN, middle, width - 2 * MARGIN);
    const from = MARGIN + ctx.measureText(title).width + 12;
    ctx.fillStyle = this.palette.rule;
    ctx.fillRect(from, Math.round(middle), Math.max(0, width - MARGIN - from), 1);
  }

  /** @param {Context} ctx @param {Line} line @param {number} y */
  paintLine(ctx, line, y) {
    ctx.font = this.font;
    const middle = y + line.height / 2;
    const marks = { share: this.markShare, changes: this.markChange, passages: this.markPassage }[this.mode];
    for (const { token, left, right } of this.cells(ctx, line)) {
      marks.call(this, ctx, token, { x: MARGIN + left, y: y + 1, width: right - left, height: line.height - 2 });
    }
    ctx.fillStyle = this.palette.text;
    ctx.fillText(this.doc.text.slice(line.from, line.to), MARGIN, middle);
    this.underline(ctx, line, y);
    if (this.marked !== null && this.marked >= line.from && this.marked < line.to) {
      ctx.fillStyle = this.palette.accent;
      ctx.fillRect(6, y + 2, 3, line.height - 4);
    }
  }

  /** @param {Context} ctx @param {number} token @param {Box} box */
  markShare(ctx, token, box) {
    const level = this.levels?.[this.doc.first + token];
    if (level) this.fill(ctx, this.palette.shades[shade(level / 255)], box);
  }

  /** The sentence that was pressed. @param {Context} ctx @param {Line} line @param {number} y */
  underline(ctx, line, y) {
    const [from, to] = this.sentence ?? [0, 0];
    const { starts } = this.doc;
    const cells = this.cells(ctx, line).filter(({ token }) => starts[token] < to && starts[token + 1] > from);
    if (!cells.length) return;
    const [left, right] = [cells[0].left, cells[cells.length - 1].right];
    this.fill(ctx, this.palette.own, { x: MARGIN + left, y: y + line.height - 3, width: right - left, height: 2.5 });
  }

  /**
   * Entered: filled over a thick line. Stayed: filled. Left: struck through.
   * @param {Context} ctx @param {number} token @param {Box} box
   */
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

  /**
   * Passages are filled by their share; quotes stand between two lines, closed at both ends, near ones between dashes.
   * @param {Context} ctx @param {number} token @param {Box} box
   */
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

  /** @param {Context} ctx @param {string} colour @param {Box} box */
  fill(ctx, colour, { x, y, width, height }) {
    ctx.fillStyle = colour;
    ctx.fillRect(x, y, width, height);
  }

  /**
   * The line's tokens and their edges in pixels, measured once, when the line is first seen.
   * @param {Context} ctx @param {Line} line
   */
  cells(ctx, line) {
    if (line.cells) return line.cells;
    const { starts, tokens } = this.doc;
    const text = this.doc.text.slice(line.from, line.to);
    const edge = (/** @type {number} */ offset) => ctx.measureText(text.slice(0, offset)).width;
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

  /** @param {number} y */
  lineAt(y) {
    return lastAtMost(this.lines, y, (line) => line.y);
  }

  /** @param {MouseEvent} event */
  positionAt(event) {
    const box = this.view.canvas.getBoundingClientRect();
    const line = this.lines[this.lineAt(event.clientY - box.top + this.view.scroll.scrollTop)];
    const x = event.clientX - box.left - MARGIN;
    const cell = line?.cells?.find(({ left, right }) => x >= left && x < right);
    return cell ? this.doc.first + cell.token : null;
  }

  /**
   * Bring a prompt position into view and mark its line; positions outside the document lead to its nearer end.
   * @param {number} position @param {boolean} smooth
   */
  show(position, smooth) {
    const token = Math.max(0, Math.min(position - this.doc.first, this.doc.tokens - 1));
    const line = this.lines[lastAtMost(this.lines, this.doc.starts[token], (item) => item.from)];
    if (!line) return;
    this.marked = line.from;
    this.view.scrollTo(line.y - this.view.height / 3, smooth);
    this.view.invalidate();
  }

  /** The first and last prompt position in view, or null. @returns {[first: number, last: number] | null} */
  visible() {
    if (!this.doc || !this.lines.length) return null;
    const top = this.view.scroll.scrollTop;
    const first = this.lines[Math.max(0, this.lineAt(top))];
    const last = this.lines[Math.max(0, this.lineAt(top + this.view.height))];
    const positionOf = (/** @type {number} */ offset) => this.doc.first + tokenAt(this.doc, offset);
    return [positionOf(first.from), positionOf(last.to)];
  }
}
