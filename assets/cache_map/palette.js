const SHADES = 64;

/** The share of pairs (0 to 1) as a step of the scale; bent a little, so that a few pairs of a hundred are seen. */
function shade(share) {
  return Math.round(SHADES * share ** 0.7);
}

/** The scale's colour at `part`, 0 to 1: from none over half to full, mixed in OKLab, so that equal steps look equal. */
function between(part) {
  const [from, to, share] = part < 0.5 ? ["none", "half", 2 * part] : ["half", "full", 2 * part - 1];
  return `color-mix(in oklab, var(--ckm-${to}) ${100 * share}%, var(--ckm-${from}))`;
}

/** The colours of the page's theme, and the scale of shares. */
function readPalette(probe) {
  const read = (colour) => {
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
    entered: read("var(--ckm-entered)"),
    enteredMark: read("var(--ckm-entered-mark)"),
    leftMark: read("var(--ckm-left-mark)"),
    stayed: read("color-mix(in oklab, var(--ckm-full) 26%, var(--ckm-none))"),
  };
}

/** The colours as pixels of an image, one 32-bit word each, whatever notation they are in. */
function pixelsOf(colours) {
  const canvas = document.createElement("canvas");
  canvas.width = colours.length;
  canvas.height = 1;
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  colours.forEach((colour, x) => {
    ctx.fillStyle = colour;
    ctx.fillRect(x, 0, 1, 1);
  });
  return new Uint32Array(ctx.getImageData(0, 0, colours.length, 1).data.buffer);
}

/** Paint the legend's bar: linear in the share, so the canvas shows how the scale is spread. */
function paintRamp(canvas, palette) {
  const ctx = canvas.getContext("2d");
  ctx.clearRect(0, 0, canvas.width, 1);
  for (let x = 0; x < canvas.width; x++) {
    ctx.fillStyle = palette.shades[shade(x / (canvas.width - 1))];
    ctx.fillRect(x, 0, 1, 1);
  }
}
