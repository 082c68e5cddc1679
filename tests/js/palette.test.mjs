import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./scripts.mjs";

const NAMES = ["shade", "between", "pixelsOf", "SHADES"];
const { shade, between, SHADES } = load("cache_map", ["palette.js"], NAMES);

test("nothing held is the first shade, all held the last", () => {
  assert.equal(shade(0), 0);
  assert.equal(shade(1), SHADES);
});

test("more is never lighter, and one pair of ninety is seen", () => {
  const steps = Array.from({ length: 256 }, (_, level) => shade(level / 255));
  assert.deepEqual(steps, steps.toSorted((a, b) => a - b));
  assert.ok(shade(1 / 90) >= 1);
});

test("the scale goes from none over half to full", () => {
  const mix = (to, share, from) => `color-mix(in oklab, var(--ckm-${to}) ${share}%, var(--ckm-${from}))`;
  assert.equal(between(0), mix("half", 0, "none"));
  assert.equal(between(0.25), mix("half", 50, "none"));
  assert.equal(between(0.5), mix("full", 0, "half"));
  assert.equal(between(1), mix("full", 100, "half"));
});

test("colours become a word a pixel", () => {
  const painted = [];
  const canvas = {
    getContext: () => ({
      fillRect: (x) => painted.push(x),
      getImageData: (x, y, width) => ({ data: new Uint8ClampedArray(4 * width).fill(255) }),
    }),
  };
  const { pixelsOf } = load("cache_map", ["palette.js"], NAMES, { document: { createElement: () => canvas } });
  assert.deepEqual([...pixelsOf(["red", "blue"])], [0xffffffff, 0xffffffff]);
  assert.deepEqual([canvas.width, canvas.height, painted], [2, 1, [0, 1]]);
});
