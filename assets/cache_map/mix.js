/** What the small caches held over time: a column a refresh, of documents from below, own text, and instruction on top. */
class MixStrip {
  /** Undefined until there is one; nothing is painted before. @type {MapRun} */
  run;
  /** Set before the first frame. @type {Palette} */
  palette;

  /**
   * `picked` is a press on a refresh, or a drag over them.
   * @param {HTMLElement} box @param {{ hovered: (i: number | null, event: PointerEvent) => void, picked: (i: number) => void }} told
   */
  constructor(box, { hovered, picked }) {
    this.view = new Viewport(box, (...args) => this.paint(...args), () => {});
    this.shown = -1;
    const pick = (/** @type {PointerEvent} */ event) => {
      const i = this.rowAt(event);
      if (i !== null) picked(i);
    };
    box.addEventListener("pointerdown", (event) => event.button || pick(event));
    box.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) pick(event);
      hovered(this.rowAt(event), event);
    });
    box.addEventListener("pointerleave", (event) => hovered(null, event));
  }

  /** @param {Palette} palette */
  setPalette(palette) {
    this.palette = palette;
    this.view.invalidate();
  }

  /** @param {MapRun} run @param {number} shown the index of the refresh on the document */
  setRows(run, shown) {
    this.run = run;
    this.shown = shown;
    this.view.invalidate();
  }

  /** @param {MouseEvent} event */
  rowAt(event) {
    if (!this.run?.rows.length) return null;
    const box = this.view.canvas.getBoundingClientRect();
    const i = Math.floor(((event.clientX - box.left) / box.width) * this.run.rows.length);
    return Math.max(0, Math.min(this.run.rows.length - 1, i));
  }

  /** @type {Paint} */
  paint(ctx, top, width, height) {
    const rows = this.run?.rows.length;
    if (!rows || !this.palette) return;
    const mixes = Array.from({ length: rows }, (_, i) => this.run.gaze.mix(i));
    const floors = mixes.map(() => height);
    [this.palette.bar, this.palette.own, this.palette.rest].forEach((colour, kind) => {
      ctx.beginPath(); // one for all refreshes
      mixes.forEach((mix, i) => {
        const [x, end] = [Math.round((i / rows) * width), Math.round(((i + 1) / rows) * width)];
        floors[i] -= mix[kind] * height;
        ctx.rect(x, floors[i], end - x, mix[kind] * height);
      });
      ctx.fillStyle = colour;
      ctx.fill();
    });
    const [x, wide] = [(this.shown / rows) * width, Math.max(3, width / rows)];
    ctx.strokeStyle = this.palette.text;
    ctx.lineWidth = 1.5;
    ctx.strokeRect(Math.min(x, width - wide) + 0.75, 0.75, wide - 1.5, height - 1.5);
  }
}
