import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./scripts.mjs";

const { spansOf, finder } = load("editor", ["offsets.js", "find.js"], ["spansOf", "finder"]);

test("what is looked for stands where it says, whatever the case unless that is asked for", () => {
  assert.deepEqual(spansOf("Lamp lamp LAMP", "lamp", false), [[0, 4], [5, 9], [10, 14]]);
  assert.deepEqual(spansOf("Lamp lamp LAMP", "lamp", true), [[5, 9]]);
  assert.deepEqual(spansOf("aaa", "aa", true), [[0, 2]]);
  assert.deepEqual(spansOf("text", "", false), []);
});

test("signs mean themselves, in every script", () => {
  const signs = "a.b*c+d?e^f$g(h)i[j]k{l}m|n\\o/p-q#r 😀書";
  for (const sign of signs) {
    const text = `x${sign}y`;
    assert.deepEqual(spansOf(text, sign, true), [[1, 1 + sign.length]], sign);
  }
  assert.deepEqual(spansOf("灯台は岩の上。灯台", "灯台", false), [[0, 2], [7, 9]]);
  assert.deepEqual(spansOf("ÄRGER ärger", "ärger", false), [[0, 5], [6, 11]]);
  assert.deepEqual(spansOf("half", "\ud83d", false), []);
});

test("all are replaced, and what stands in their place means itself", () => {
  assert.equal("a.a.".replace(finder(".", true), () => "$&"), "a$&a$&");
});

test("100,000 characters are searched", () => {
  const text = "The lamp was lit at dusk. ".repeat(4000);
  const spans = spansOf(text, "lamp", false);
  assert.equal(spans.length, 4000);
  assert.ok(spans.every(([start, end]) => text.slice(start, end) === "lamp"));
});
