const GUTTER = 34;
const AXIS = 34;
const RIGHT = 8;

/** Refreshes downwards by prompt position across: the mean share of the positions in each column. */
class Timeline {
  /**
   * `hovered(row | null, position, event)` follows the pointer; `picked(row | null, position)` is a press on a row, or
   * without one a drag.
   */
  constructor(scroll, { hovered, picked }) {
    this.view = new Viewport(scroll, (...args) => this.paint(...args), () => this.fit());
    this.image = document.createElement("canvas");
    this.rows = [];
    this.doc = null;
    this.palette = null;
    this.shown = null;
    this.range = null;
    scroll.addEventListener("pointermove", (event) => {
      if (event.buttons & 1 && this.doc) picked(null, this.columnPosition(event));
      hovered(this.rowAt(event), this.columnPosition(event), event);
    });
    scroll.addEventListener("pointerleave", (event) => hovered(null, 0, event));
    scroll.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && this.doc) picked(this.rowAt(event), this.columnPosition(event));
    });
  }

  setDocument(doc, promptTokens) {
    this.doc = doc;
    this.promptTokens = promptTokens;
    this.setRows([], null);
  }

  setPalette(palette) {
    this.palette = palette;
    this.view.invalidate();
  }

  /** `rows`: the refreshes in order; `shown`: the one on the document; the view stays at the bottom if it was there. */
  setRows(rows, shown) {
    const { scroll } = this.view;
    const atBottom = scroll.scrollTop + scroll.clientHeight >= scroll.scrollHeight - 2;
    this.rows = rows;
    this.shown = shown;
    const generated = Math.max(0, ...rows.map((row) => row.context)) - this.promptTokens;
    let room = Math.max(64, Math.round(this.promptTokens / 20));
    while (room < generated) room *= 2;
    this.domain = this.promptTokens + room;
    this.fit();
    if (atBottom) this.view.scrollTo(scroll.scrollHeight, false);
  }

  /** The prompt positions `[first, last]` that the document panel shows. */
  setRange(range) {
    if (this.range?.[0] === range?.[0] && this.range?.[1] === range?.[1]) return;
    this.range = range;
    this.view.invalidate();
  }

  fit() {
    const space = this.view.height - AXIS - 6;
    this.rowHeight = Math.max(4, Math.min(14, Math.floor(space / Math.max(1, this.rows.length))));
    this.columns = Math.max(1, this.view.width - GUTTER - RIGHT);
    this.view.setContentHeight(AXIS + this.rows.length * this.rowHeight + 6);
    this.view.invalidate();
  }

  x(position) {
    return GUTTER + (position / this.domain) * this.columns;
  }

  columnPosition(event) {
    const x = event.clientX - this.view.canvas.getBoundingClientRect().left - GUTTER;
    return Math.max(0, Math.min(this.domain - 1, Math.floor((x / this.columns) * this.domain)));
  }

  rowAt(event) {
    const y = event.clientY - this.view.canvas.getBoundingClientRect().top;
    if (y < AXIS) return null;
    return this.rows[Math.floor((y - AXIS + this.view.scroll.scrollTop) / this.rowHeight)] ?? null;
  }

  paint(ctx, top, width, height) {
    if (!this.doc || !this.palette) return;
    const first = Math.floor(top / this.rowHeight);
    const rows = this.rows.slice(first, first + Math.ceil(height / this.rowHeight) + 1);
    const y = AXIS + first * this.rowHeight - top;
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, AXIS - 5, width, height);
    ctx.clip();
    if (rows.length) this.paintHeat(ctx, rows, y);
    this.paintGrid(ctx, Math.max(y, AXIS - 5), Math.min(height, y + rows.length * this.rowHeight));
    this.paintGutter(ctx, rows, y);
    ctx.restore();
    this.paintAxis(ctx, width);
  }

  paintHeat(ctx, rows, y) {
    this.image.width = this.columns;
    this.image.height = rows.length;
    const picture = new ImageData(this.columns, rows.length);
    rows.forEach((row, i) => {
      const bins = this.bins(row);
      for (let column = 0; column < bins.length; column++) {
        const pixel = 4 * bins[column];
        picture.data.set(this.palette.pixels.subarray(pixel, pixel + 4), 4 * (i * this.columns + column));
      }
    });
    this.image.getContext("2d").putImageData(picture, 0, 0);
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.image, GUTTER, y, this.columns, rows.length * this.rowHeight);
  }

  /** The row's shades, one a column, up to its context; kept until the width or the positions across change. */
  bins(row) {
    const key = `${this.columns}/${this.domain}`;
    if (row.binsKey === key) return row.bins;
    const scale = this.domain / this.columns;
    row.binsKey = key;
    row.bins = new Uint8Array(Math.min(this.columns, Math.ceil(row.context / scale)));
    for (let column = 0; column < row.bins.length; column++) {
      const from = Math.floor(column * scale);
      const to = Math.min(row.context, Math.max(from + 1, Math.floor((column + 1) * scale)));
      let sum = 0;
      for (let position = from; position < to; position++) sum += row.levels[position];
      row.bins[column] = shade(sum / (to - from) / 255);
    }
    return row.bins;
  }

  paintGrid(ctx, from, to) {
    ctx.fillStyle = this.palette.quiet;
    ctx.globalAlpha = 0.22;
    for (const page of this.doc.pages) ctx.fillRect(Math.round(this.x(page.position)), from, 1, to - from);
    ctx.globalAlpha = 0.9;
    ctx.fillRect(Math.round(this.x(this.promptTokens)), from, 1, to - from);
    ctx.globalAlpha = 1;
  }

  paintGutter(ctx, rows, y) {
    const every = [1, 2, 5, 10, 20, 50, 100].find((step) => step * this.rowHeight >= 18) ?? 200;
    ctx.font = `10px ${getComputedStyle(this.view.scroll).fontFamily}`;
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    const marked = rows.indexOf(this.shown);
    rows.forEach((row, i) => {
      const middle = y + (i + 0.5) * this.rowHeight;
      const shown = row === this.shown;
      ctx.fillStyle = shown ? this.palette.accent : this.palette.quiet;
      const crowded = marked >= 0 && Math.abs(marked - i) * this.rowHeight < 14;
      if (shown || (row.number % every === 0 && !crowded)) ctx.fillText(row.number, GUTTER - 8, middle);
      if (shown) {
        ctx.fillRect(GUTTER - 4, middle - this.rowHeight / 2, 3, this.rowHeight);
        ctx.strokeStyle = this.palette.accent;
        ctx.strokeRect(GUTTER - 0.5, Math.round(middle - this.rowHeight / 2) - 0.5, this.columns, this.rowHeight);
      }
    });
    ctx.textAlign = "left";
  }

  /** Page numbers where they fit, where the generated text begins, and the part that the document panel shows. */
  paintAxis(ctx, width) {
    ctx.textBaseline = "middle";
    ctx.font = `10px ${getComputedStyle(this.view.scroll).fontFamily}`;
    ctx.fillStyle = this.palette.quiet;
    const end = Math.min(this.x(this.promptTokens) + 3, width - RIGHT - ctx.measureText("generated").width);
    ctx.fillText("generated", end, 11);
    let free = GUTTER - 4;
    for (const page of this.doc.pages) {
      const x = this.x(page.position) + 2;
      const label = `${page.number}`;
      const wide = ctx.measureText(label).width;
      if (x < free || x + wide > end - 8) continue;
      ctx.fillText(label, x, 11);
      free = x + wide + 12;
    }
    ctx.fillStyle = this.palette.rule;
    ctx.fillRect(GUTTER, AXIS - 12, this.columns, 3);
    if (!this.range) return;
    const [from, to] = this.range.map((position) => this.x(position));
    ctx.fillStyle = this.palette.accent;
    ctx.fillRect(from, AXIS - 12, Math.max(3, to - from), 3);
  }
}
