import assert from "node:assert/strict";
import { test } from "node:test";

import { refresh, START, steps } from "./map.mjs";
import { load } from "./scripts.mjs";

const SCRIPTS = ["text.js", "layout.js", "gaze.js", "run.js", "written.js"];
const NAMES = ["MapRun", "readDocument", "sentenceAt", "positionsOf", "writtenAt", "writtenWhile", "placesIn"];
const { MapRun, readDocument, sentenceAt, positionsOf, writtenAt, writtenWhile, placesIn } = load("cache_map", SCRIPTS, NAMES);

/** Refreshes in steps 0, 10 and 20 of 25 steps that write a word each; `held`: the bytes of the token at position 3. */
function runOf(...held) {
  const run = new MapRun("run", START);
  const words = Array.from({ length: 25 }, (_, i) => `w${i} `);
  run.add({ run: "run", refresh: held.map((level, i) => refresh(i, 0, 0, 0, level, 0, 0, 0, 0, 0)), steps: steps(0, words.map(() => 0), ...words) });
  return run;
}

test("what was written from a refresh on ends at the next, and at the end", () => {
  const run = runOf(1, 1, 1);
  assert.equal(run.text.slice(...writtenAt(run, 1)).trim(), "w10 w11 w12 w13 w14 w15 w16 w17 w18 w19");
  assert.equal(run.text.slice(...writtenAt(run, 2)).trim(), "w20 w21 w22 w23 w24");
});

test("a refresh whose words have not come yet has written nothing", () => {
  const run = new MapRun("run", START);
  run.add({ run: "run", refresh: [refresh(0), refresh(1)], steps: steps(0, [0, 0], "a", "b") });
  assert.deepEqual([writtenAt(run, 0), writtenAt(run, 1)], [[0, 2], [2, 2]]);
});

test("a passage was written with tokens in view that were held twice as much as usual, or by a quarter", () => {
  const texts = (run) => writtenWhile(run, [3, 4]).map((stretch) => run.text.slice(...stretch).trim().split(" ").length);
  assert.deepEqual(texts(runOf(0, 30, 4)), [10]);
  assert.deepEqual(texts(runOf(64, 64, 0)), [20]); // those in a row are one
  assert.deepEqual(texts(runOf(64, 0, 64)), [10, 5]);
  assert.deepEqual(texts(runOf(30, 30, 30)), []);
  assert.deepEqual(texts(runOf(0, 0, 0)), []);
});

test("a sentence goes over the lines of a page, and ends at a paragraph and at the page", () => {
  const pieces = ["The lamp\nwas lit. ", "Ships\npassed.\n\n", "A heading\n\n", "Next page."];
  const doc = readDocument({ ...START, pieces, documentStart: 4, pages: [[4, "1", "p", "p"], [7, "2", "p", "p"]] });
  const at = (word) => doc.text.slice(...(sentenceAt(doc, doc.text.indexOf(word)) ?? [0, 0]));
  assert.deepEqual(["was", "Ships", "heading", "Next"].map(at), ["The lamp\nwas lit.", "Ships\npassed.", "A heading", "Next page."]);
  assert.equal(sentenceAt(doc, doc.text.indexOf("\n\nA") + 1), null);
  assert.deepEqual(positionsOf(doc, sentenceAt(doc, doc.text.indexOf("Ships"))), [5, 6]);
});

const TEXT = " One lamp. Two ships.\nThree men.";
const found = (draft, from, to, begin = 0) => placesIn(draft, TEXT, [from, to], begin).map((place) => draft.slice(...place));

test("in a draft that holds the run's text a stretch is where it was written", () => {
  assert.deepEqual(found(`Mine. ${TEXT.trim()} Mine.`, 5, 14, 5), ["lamp. Two"]);
  assert.deepEqual(placesIn(`${TEXT.trim()} ${TEXT.trim()}`, TEXT, [1, 4], 31), [[32, 35]]); // the nearest
});

test("in a draft that was edited it is in the sentences that are left", () => {
  assert.deepEqual(found("One lamp. Two boats. Three men.", 5, 31), ["lamp.", "Three men"]);
  assert.deepEqual(found("Three men. One lamp.", 0, 10), ["One lamp."]);
  assert.deepEqual(found("Nothing of it.", 0, 10), []);
});
