import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./scripts.mjs";

const { toCharacters, toUnits } = load("editor", ["offsets.js"], ["toCharacters", "toUnits"]);

test("a character outside the first plane is two units", () => {
  const text = "a😀b";
  assert.deepEqual([0, 1, 2, 3].map((character) => toUnits(text, character)), [0, 1, 3, 4]);
  assert.deepEqual([0, 1, 3, 4].map((unit) => toCharacters(text, unit)), [0, 1, 2, 3]);
});

test("a place beyond the text is its end", () => {
  assert.equal(toUnits("a😀", 9), 3);
});

test("half a pair counts as one character on both sides", () => {
  assert.equal(toCharacters("a\ud83d", 2), 2);
  assert.equal(toUnits("\ud83da", 1), 1);
});

test("units and characters lead back to each other, and agree with the code points of the text", () => {
  const signs = ["a", "é", "書", "😀", "👩‍👩‍👧", "\n", "𝒳"];
  for (let length = 0; length < 200; length++) {
    const text = Array.from({ length }, (_, i) => signs[(i * i + length) % signs.length]).join("");
    const characters = Array.from(text);
    for (let at = 0; at <= characters.length; at++) {
      const unit = characters.slice(0, at).join("").length;
      assert.equal(toUnits(text, at), unit);
      assert.equal(toCharacters(text, unit), at);
    }
  }
});
