const HIGHEST_ROW = 14;

/** Refreshes downwards by prompt position across, all of them in view: the mean share of the positions in a column. */
class Heatmap {
  /** Undefined until there is one; nothing is painted before. @type {MapRun} */
  run;
  /** Set before the first frame. @type {Palette} */
  palette;

  /**
   * `hovered` follows the pointer; `picked` is a press on a row, or a drag over the rows, or with null a place alone.
   * @param {HTMLElement} box @param {Axis} axis
   * @param {{ hovered: (i: number | null, position: number, event: PointerEvent) => void, picked: (i: number | null, position: number) => void }} told
   */
  constructor(box, axis, { hovered, picked }) {
    this.box = box;
    this.axis = axis;
    this.view = new Viewport(box, (...args) => this.paint(...args), () => {});
    this.image = document.createElement("canvas");
    this.imageKey = "";
    /** The rows of the picture, by what they were drawn from. @type {Uint8Array[]} */
    this.drawn = [];
    this.shown = -1;
    /** @type {number | null} */
    this.layer = null;
    box.addEventListener("pointermove", (event) => {
      if (event.buttons & 1 && this.rowAt(event) !== null) picked(this.rowAt(event), this.positionAt(event));
      hovered(this.rowAt(event), this.positionAt(event), event);
    });
    box.addEventListener("pointerleave", (event) => hovered(null, 0, event));
    box.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && this.run) picked(this.rowAt(event), this.positionAt(event));
    });
  }

  /** @param {Palette} palette */
  setPalette(palette) {
    this.palette = palette;
    this.imageKey = "";
    this.view.invalidate();
  }

  /**
   * `shown`: the index of the row that the document shows; `layer`: all layers with null, or the one.
   * @param {MapRun} run @param {number} shown @param {number | null} layer
   */
  setRows(run, shown, layer) {
    this.run = run;
    this.shown = shown;
    this.layer = layer;
    const row = run.rows[shown];
    setSlider(this.box, run.rows.length - 1, shown, row ? nameOf(row) : "");
    this.view.invalidate();
  }

  get rowHeight() {
    return Math.min(HIGHEST_ROW, this.view.height / Math.max(1, this.run.rows.length));
  }

  /** @param {MouseEvent} event */
  positionAt(event) {
    return this.axis.positionAt(event, this.view.canvas);
  }

  /** @param {MouseEvent} event */
  rowAt(event) {
    if (!this.run) return null;
    const row = Math.floor((event.clientY - this.view.canvas.getBoundingClientRect().top) / this.rowHeight);
    return row >= 0 && row < this.run.rows.length ? row : null;
  }

  /** @type {Paint} */
  paint(ctx, top, width) {
    const rows = this.run?.rows.length;
    if (!this.palette || !rows) return;
    const columns = Math.round(this.axis.columns(width));
    this.update(columns);
    ctx.imageSmoothingEnabled = this.rowHeight < 3;
    ctx.drawImage(this.image, 0, 0, columns, rows, GUTTER, 0, columns, rows * this.rowHeight);
    this.paintGrid(ctx, width, rows * this.rowHeight);
    this.paintGutter(ctx, columns);
  }

  /**
   * Bring the picture, a pixel a column and refresh, up to date: only rows that came since are counted.
   * @param {number} columns
   */
  update(columns) {
    const { run, layer, axis, image } = this;
    const key = [run.id, layer, columns, axis.domain].join("/");
    const { rows } = run;
    if (key !== this.imageKey) {
      this.imageKey = key;
      this.drawn = [];
      image.width = columns;
      image.height = 64;
    }
    if (rows.length > image.height) {
      image.height = 2 ** Math.ceil(Math.log2(rows.length)); // empties it
      this.drawn = [];
    }
    const ctx = contextOf(image);
    rows.forEach((row, i) => {
      const levels = run.levels(i, layer);
      if (!levels || this.drawn[i] === levels) return;
      this.drawn[i] = levels;
      ctx.putImageData(this.rowImage(levels, columns), 0, i);
    });
  }

  /** @param {Uint8Array} levels @param {number} columns */
  rowImage(levels, columns) {
    const picture = new ImageData(columns, 1);
    const pixels = new Uint32Array(picture.data.buffer);
    const scale = this.axis.domain / columns;
    for (let column = 0; column < columns; column++) {
      const from = Math.floor(column * scale);
      if (from >= levels.length) break;
      const to = Math.min(levels.length, Math.max(from + 1, Math.floor((column + 1) * scale)));
      let sum = 0;
      for (let position = from; position < to; position++) sum += levels[position];
      pixels[column] = this.palette.words[shade(sum / (to - from) / 255)];
    }
    return picture;
  }

  /** @param {Context} ctx @param {number} width @param {number} bottom */
  paintGrid(ctx, width, bottom) {
    ctx.fillStyle = this.palette.quiet;
    ctx.globalAlpha = 0.22;
    for (const page of this.run.doc.pages) ctx.fillRect(Math.round(this.axis.x(page.position, width)), 0, 1, bottom);
    ctx.globalAlpha = 0.9;
    ctx.fillRect(Math.round(this.axis.x(this.axis.promptTokens, width)), 0, 1, bottom);
    ctx.globalAlpha = 1;
  }

  /** @param {Context} ctx @param {number} columns */
  paintGutter(ctx, columns) {
    const { rowHeight, shown, palette } = this;
    const every = [1, 2, 5, 10, 20, 50, 100].find((step) => step * rowHeight >= 18) ?? 200;
    ctx.font = `11px ${getComputedStyle(this.box).fontFamily}`;
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    this.run.rows.forEach((row, i) => {
      const crowded = Math.abs(shown - i) * rowHeight < 14;
      if (i !== shown && (row.number % every || crowded)) return;
      const middle = Math.max(6, Math.min(this.view.height - 6, (i + 0.5) * rowHeight));
      ctx.fillStyle = i === shown ? palette.accent : palette.quiet;
      ctx.fillText(`${row.number}`, GUTTER - 8, middle);
    });
    ctx.textAlign = "left";
    if (shown < 0) return;
    const high = Math.max(3, rowHeight);
    const top = Math.min((shown + 0.5) * rowHeight - high / 2, this.view.height - high);
    ctx.fillStyle = palette.accent;
    ctx.fillRect(GUTTER - 4, top, 3, high);
    ctx.strokeStyle = palette.accent;
    ctx.lineWidth = 1;
    ctx.strokeRect(GUTTER - 0.5, Math.round(top) + 0.5, columns, Math.max(2, high - 1));
  }
}
