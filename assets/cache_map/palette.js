const SHADES = 64;

/**
 * The share of pairs as a step of the scale; bent a little, so that a few pairs of a hundred are seen.
 * @param {number} share 0 to 1
 */
function shade(share) {
  return Math.round(SHADES * share ** 0.7);
}

/**
 * The scale's colour: from none over half to full, mixed in OKLab, so that equal steps look equal.
 * @param {number} part 0 to 1
 */
function between(part) {
  const [from, to] = part < 0.5 ? ["none", "half"] : ["half", "full"];
  const share = part < 0.5 ? 2 * part : 2 * part - 1;
  return `color-mix(in oklab, var(--ckm-${to}) ${100 * share}%, var(--ckm-${from}))`;
}

/** The colours of the page's theme, and the scale of shares. @param {HTMLElement} probe @returns {Palette} */
function readPalette(probe) {
  const read = (/** @type {string} */ colour) => {
    probe.style.color = colour;
    return getComputedStyle(probe).color;
  };
  const shades = Array.from({ length: SHADES + 1 }, (_, step) => read(between(step / SHADES)));
  return {
    shades,
    words: pixelsOf(shades),
    text: read("var(--ckm-text)"),
    quiet: read("var(--ckm-quiet)"),
    rule: read("var(--ckm-rule)"),
    outside: read("var(--ckm-outside)"),
    accent: read("var(--ckm-accent)"),
    bar: read("var(--ckm-bar)"),
    own: read("var(--ckm-own)"),
    rest: read("var(--ckm-rest)"),
    entered: read("var(--ckm-entered)"),
    enteredMark: read("var(--ckm-entered-mark)"),
    leftMark: read("var(--ckm-left-mark)"),
    stayed: read("color-mix(in oklab, var(--ckm-full) 26%, var(--ckm-none))"),
  };
}

/** The colours as pixels of an image, one 32-bit word each, whatever notation they are in. @param {string[]} colours */
function pixelsOf(colours) {
  const canvas = document.createElement("canvas");
  canvas.width = colours.length;
  canvas.height = 1;
  const ctx = contextOf(canvas, { willReadFrequently: true });
  colours.forEach((colour, x) => {
    ctx.fillStyle = colour;
    ctx.fillRect(x, 0, 1, 1);
  });
  return new Uint32Array(ctx.getImageData(0, 0, colours.length, 1).data.buffer);
}

/** @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2DSettings} [settings] */
function contextOf(canvas, settings) {
  return /** @type {Context} */ (canvas.getContext("2d", settings)); // null only if it had one of another kind
}

/**
 * Paint the legend's bar: linear in the share, so the canvas shows how the scale is spread.
 * @param {HTMLCanvasElement} canvas @param {Palette} palette
 */
function paintRamp(canvas, palette) {
  const ctx = contextOf(canvas);
  ctx.clearRect(0, 0, canvas.width, 1);
  for (let x = 0; x < canvas.width; x++) {
    ctx.fillStyle = palette.shades[shade(x / (canvas.width - 1))];
    ctx.fillRect(x, 0, 1, 1);
  }
}
