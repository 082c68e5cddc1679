import assert from "node:assert/strict";
import { test } from "node:test";

import { START } from "./map.mjs";
import { load } from "./scripts.mjs";

const NAMES = ["readDocument", "lastAtMost", "tokenAt", "pageAt", "unitsOf", "layOut", "wrap", "LINE_HEIGHT", "BLANK_HEIGHT", "DIVIDER_HEIGHT"];
const { readDocument, lastAtMost, tokenAt, pageAt, unitsOf, layOut, wrap, LINE_HEIGHT, BLANK_HEIGHT, DIVIDER_HEIGHT } = load(
  "cache_map", ["text.js", "layout.js"], NAMES,
);
const length = (text) => text.length;
const doc = readDocument(START);

/** A document of one page, a token a character. */
const page = (text) => readDocument({ ...START, pieces: [...text], documentStart: 0, pages: [[0, "1", "p", "p"]] });
const linesOf = (text, width, from = 0, to = text.length) =>
  [...wrap(text, unitsOf(text, length), from, to, width)].map(([a, b]) => text.slice(a, b));
const laidOut = (read, width) => layOut(read, unitsOf(read.text, length), width);

test("a document knows where its tokens and pages begin in its text", () => {
  assert.equal(doc.text, "One two\nThree four.");
  assert.deepEqual([...doc.starts], [0, 3, 7, 8, 13, 18, 19]);
  assert.deepEqual(doc.pages.map(({ offset }) => offset), [0, 8]);
  assert.deepEqual([doc.first, doc.tokens], [2, 6]);
});

test("the last at most is found like by looking at all of them", () => {
  for (const values of [[], [3], [1, 1, 2, 5, 5, 9]]) {
    for (let value = 0; value < 11; value++) {
      assert.equal(lastAtMost(values, value, (item) => item), values.findLastIndex((item) => item <= value));
    }
  }
});

test("every character belongs to the token that holds it, and every position to its page", () => {
  const tokens = Array.from(doc.text, (_, offset) => tokenAt(doc, offset));
  assert.deepEqual(tokens, [0, 0, 0, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5]);
  assert.deepEqual([1, 2, 4, 5, 8].map((position) => pageAt(doc, position)?.label), [undefined, "1", "1", "2", "2"]);
});

test("lines break between words, and white space may hang over", () => {
  assert.deepEqual(linesOf("one two three", 7), ["one two ", "three"]);
  assert.deepEqual(linesOf("one two three", 4), ["one ", "two ", "thre", "e"]);
});

test("ideographs break anywhere, and a word that is too long within itself but never within a pair", () => {
  assert.deepEqual(linesOf("書いた文章", 2), ["書い", "た文", "章"]);
  assert.deepEqual(linesOf("😀😀😀", 4), ["😀😀", "😀"]);
});

test("no character is lost or doubled at any width", () => {
  const text = "A page of words, 書いた文章 and extraordinarily   long ones.";
  for (let width = 1; width <= text.length; width++) assert.equal(linesOf(text, width).join(""), text);
});

test("a stretch that begins and ends within words is broken as if it stood alone", () => {
  const text = "words, 書いた文章 and extraordinarily   long ones.";
  for (let from = 0; from < 12; from++) {
    for (let to = from + 1; to <= text.length; to += 5) {
      for (const width of [3, 9, 40]) assert.deepEqual(linesOf(text, width, from, to), linesOf(text.slice(from, to), width));
    }
  }
});

test("pages are divided by their titles, and at most two blank lines stand together", () => {
  const { lines, height } = laidOut(page("a\n\n\n\n\nb"), 10);
  assert.deepEqual(lines.map((line) => line.height), [DIVIDER_HEIGHT, LINE_HEIGHT, BLANK_HEIGHT, BLANK_HEIGHT, LINE_HEIGHT]);
  assert.equal(lines[0].title, "p");
  assert.deepEqual(lines.map(({ y }) => y), [0, 40, 63, 75, 87]);
  assert.equal(height, 110);
});

test("blank lines at the top of a page are left out", () => {
  const { lines } = laidOut(page("\n\na"), 10);
  assert.deepEqual(lines.map(({ from, to }) => [from, to]), [[0, 0], [2, 3]]);
});
