const STEP_LABELS = 18;
const LEAST_STEPS = 48;

/** Layers downwards by steps across: filled where a layer attended to the whole context, or the map shows what it read. */
class LayerSteps {
  /** Undefined until there is one; nothing is painted before. @type {MapRun} */
  run;
  /** Set before the first frame. @type {Palette} */
  palette;

  /**
   * `hovered` follows the pointer, `picked` is a press on a step.
   * @param {HTMLElement} box
   * @param {{ hovered: (layer: number | null, step: number, event: PointerEvent) => void, picked: (step: number) => void }} told
   */
  constructor(box, { hovered, picked }) {
    this.box = box;
    this.view = new Viewport(box, (...args) => this.paint(...args), () => {});
    this.shown = -1;
    /** @type {number | null} */
    this.layer = null;
    /** The layers refreshed, by step. @type {Map<number, Set<number>>} */
    this.refreshed = new Map();
    box.addEventListener("pointermove", (event) => {
      const step = this.stepAt(event);
      if (event.buttons & 1 && step !== null) picked(step);
      hovered(step === null ? null : this.layerAt(event), step ?? 0, event);
    });
    box.addEventListener("pointerleave", (event) => hovered(null, 0, event));
    box.addEventListener("pointerdown", (event) => {
      const step = this.stepAt(event);
      if (event.button === 0 && step !== null) picked(step);
    });
  }

  /** @param {Palette} palette */
  setPalette(palette) {
    this.palette = palette;
    this.view.invalidate();
  }

  /**
   * `shown`: the index of the refresh on the document; `layer`: the chosen one, or null.
   * @param {MapRun} run @param {number} shown @param {number | null} layer
   */
  setSteps(run, shown, layer) {
    this.run = run;
    this.shown = shown;
    this.layer = layer;
    this.refreshed = run.refreshedLayers();
    const row = run.rows[shown];
    const words = row && run.full.length ? `${nameOf(row)}, ${this.filledOf(row.step)}` : "";
    setSlider(this.box, run.rows.length - 1, shown, words);
    this.view.invalidate();
  }

  /** @param {number} layer @param {number} step */
  nameOf(layer, step) {
    const { layers, kind } = this.run.start;
    const filled = this.run.isFilled(layer, step, this.refreshed.get(step));
    return `${spoken(kind).step(count(step), layers[layer], filled)}\n${this.filledOf(step)}`;
  }

  /** @param {number} step */
  filledOf(step) {
    const refreshed = this.refreshed.get(step);
    const { layers, kind } = this.run.start;
    const filled = layers.filter((_, layer) => this.run.isFilled(layer, step, refreshed)).length;
    return spoken(kind).filledOf(filled, layers.length);
  }

  get domain() {
    return Math.max(LEAST_STEPS, this.run.full.length);
  }

  /** @param {MouseEvent} event */
  stepAt(event) {
    if (!this.run) return null;
    const box = this.view.canvas.getBoundingClientRect();
    const step = Math.floor(((event.clientX - box.left - GUTTER) / (box.width - GUTTER - RIGHT)) * this.domain);
    return step >= 0 && step < this.run.full.length ? step : null;
  }

  /** @param {MouseEvent} event */
  layerAt(event) {
    const box = this.view.canvas.getBoundingClientRect();
    const { layers } = this.run.start;
    const layer = Math.floor(((event.clientY - box.top) / (box.height - STEP_LABELS)) * layers.length);
    return layer >= 0 && layer < layers.length ? layer : null;
  }

  /** @type {Paint} */
  paint(ctx, top, width, height) {
    if (!this.run || !this.palette) return;
    const { layers } = this.run.start;
    const columns = width - GUTTER - RIGHT;
    const bottom = height - STEP_LABELS;
    const [wide, high] = [columns / this.domain, bottom / layers.length];
    const gap = high >= 4 ? 1 : 0;
    ctx.fillStyle = this.palette.outside;
    ctx.fillRect(GUTTER, 0, this.run.full.length * wide, bottom);
    ctx.fillStyle = this.palette.bar;
    for (let step = 0; step < this.run.full.length; step++) {
      const refreshed = this.refreshed.get(step);
      const x = GUTTER + step * wide;
      if (this.run.full[step] >= layers.length || refreshed?.size === layers.length) {
        ctx.fillRect(x, 0, Math.max(1, wide - Number(wide > 3)), bottom);
      } else if (refreshed) {
        layers.forEach((number, layer) => {
          if (refreshed.has(number)) ctx.fillRect(x, layer * high, Math.max(1, wide - Number(wide > 3)), high - gap);
        });
      }
    }
    this.paintGutter(ctx, high, columns);
    this.paintSteps(ctx, wide, bottom, height, columns);
  }

  /** @param {Context} ctx @param {number} high @param {number} columns */
  paintGutter(ctx, high, columns) {
    const { palette, layer: chosen } = this;
    const { layers } = this.run.start;
    const every = [1, 2, 5, 10, 20, 50].find((step) => step * high >= 13) ?? 100;
    ctx.font = `11px ${getComputedStyle(this.box).fontFamily}`;
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    layers.forEach((number, layer) => {
      const crowded = chosen !== null && Math.abs(chosen - layer) * high < 12;
      if (layer !== chosen && (layer % every || crowded)) return;
      ctx.fillStyle = layer === chosen ? palette.accent : palette.quiet;
      ctx.fillText(`${number}`, GUTTER - 8, Math.max(6, (layer + 0.5) * high));
    });
    ctx.textAlign = "left";
    if (chosen === null) return;
    ctx.strokeStyle = palette.accent;
    ctx.lineWidth = 1;
    ctx.strokeRect(GUTTER - 0.5, Math.round(chosen * high) - 0.5, columns, Math.max(3, Math.round(high) + 1));
  }

  /** @param {Context} ctx @param {number} wide @param {number} bottom @param {number} height @param {number} columns */
  paintSteps(ctx, wide, bottom, height, columns) {
    const every = [10, 20, 50, 100, 200, 500, 1000, 2000].find((step) => step * wide >= 44) ?? 5000;
    ctx.fillStyle = this.palette.quiet;
    ctx.textBaseline = "alphabetic";
    for (let step = 0; step < this.domain; step += every) {
      const x = GUTTER + step * wide;
      if (x + 20 < GUTTER + columns) ctx.fillText(count(step), x, height - 4);
    }
    const row = this.run.rows[this.shown];
    if (!row) return;
    ctx.fillStyle = this.palette.accent;
    ctx.fillRect(GUTTER + row.step * wide, 0, Math.max(2, Math.min(3, wide)), bottom + 3);
  }
}
