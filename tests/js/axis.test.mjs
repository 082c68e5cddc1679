import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./scripts.mjs";

const { Axis, GUTTER, RIGHT } = load("cache_map", ["axis.js"], ["Axis", "GUTTER", "RIGHT"]);
const WIDTH = 1000 + GUTTER + RIGHT;

/** An axis for a prompt of 1,000 tokens and a longest context. */
function axisFor(longest) {
  const axis = new Axis();
  axis.setLengths(1000, longest);
  return axis;
}

test("room for what is generated doubles when it is used up", () => {
  assert.deepEqual([1000, 1064, 1065, 1300].map((longest) => axisFor(longest).domain), [1064, 1064, 1128, 1512]);
});

test("a position is found again under the pointer at its place", () => {
  const axis = axisFor(1000);
  const canvas = { getBoundingClientRect: () => ({ left: 20, width: WIDTH }) };
  for (const position of [0, 1, 500, 1063]) {
    const clientX = 20 + axis.x(position + 0.5, WIDTH);
    assert.equal(axis.positionAt({ clientX }, canvas), position);
  }
  assert.equal(axis.positionAt({ clientX: -50 }, canvas), 0);
  assert.equal(axis.positionAt({ clientX: 9999 }, canvas), 1063);
});
