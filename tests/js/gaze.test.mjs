import assert from "node:assert/strict";
import { test } from "node:test";

import { base64, refresh, START } from "./map.mjs";
import { load } from "./scripts.mjs";

const SCRIPTS = ["text.js", "layout.js", "gaze.js", "run.js", "words.js"];
const { MapRun, looked, mixture } = load("cache_map", SCRIPTS, ["MapRun", "looked", "mixture"]);

/** A run with these refreshes, each the bytes of page 1, page 2, and of one token that the run has written. */
function runOf(...refreshes) {
  const run = new MapRun("run", { ...START, draftTokens: 1 });
  run.add({ run: "run", refresh: refreshes.map(([one, two, own = 0], i) => ({ ...refresh(i), kept: base64(0, 0, one, 0, 0, two, 0, 0, own) })) });
  return run;
}

/** The same by its definition, for every refresh anew. */
function pages(refreshes) {
  const parts = refreshes.map(([one, two]) => [one, two].map((level) => level / (one + two || 1)));
  const mean = (rows, page) => rows.reduce((sum, row) => sum + row[page], 0) / rows.length;
  let held = null;
  return parts.map((_, i) => {
    const ratios = [0, 1].map((page) => mean(parts.slice(Math.max(0, i - 2), i + 1), page) / (mean(parts.slice(0, i + 1), page) || Infinity));
    const best = ratios[1] > ratios[0] ? 1 : 0;
    if (held === null || ratios[best] >= 1.1 * ratios[held]) held = best;
    return i < 3 ? null : held;
  });
}

test("the parts of what is held are means of three refreshes; the draft in the prompt is its own text", () => {
  const run = runOf([100, 100, 0], [100, 0, 100], [0, 100, 100], [0, 0, 200]);
  assert.deepEqual(run.gaze.mix(0), [1, 0, 0]);
  assert.deepEqual(run.gaze.mix(1), [0.75, 0.25, 0]);
  assert.deepEqual(run.gaze.mix(3).map((part) => Math.round(300 * part)), [100, 200, 0]);
  assert.equal(mixture(run, 1), "In view: 75% documents, 25% its own text, 0% instruction");
});

test("the page looked at is the one held more than usual, though another is always held more", () => {
  const run = runOf([10, 90], [10, 90], [30, 90], [40, 90], [10, 90], [10, 90], [10, 90], [10, 90]);
  assert.deepEqual([0, 3, 4, 7].map((i) => run.gaze.page(i)), [null, 0, 0, 1]);
  assert.equal(looked(run, 3), "Looking at page 1 of report.pdf");
  assert.equal(looked(run, 0), "Looking over the documents");
});

test("it is the same as by its definition, in whatever order it is asked", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const refreshes = Array.from({ length: 40 }, () => [1 + Math.floor(80 * random()), 1 + Math.floor(80 * random())]);
  const [run, other] = [runOf(...refreshes), runOf(...refreshes)];
  const forward = refreshes.map((_, i) => run.gaze.page(i));
  const backward = refreshes.map((_, i) => other.gaze.page(39 - i)).reverse();
  assert.deepEqual(forward, pages(refreshes));
  assert.deepEqual(backward, forward);
});

test("a refresh that comes late is counted in its place", () => {
  const refreshes = [[10, 90], [60, 90], [60, 90], [10, 90], [10, 90]];
  const whole = runOf(...refreshes);
  const late = runOf(...refreshes);
  late.rows = [late.rows[0], ...late.rows.slice(2)];
  late.gaze.page(3);
  late.rows = whole.rows;
  assert.deepEqual([2, 3, 4].map((i) => late.gaze.page(i)), [2, 3, 4].map((i) => whole.gaze.page(i)));
});

test("away from the documents is less than a quarter, on the mean of three, and ends when they are looked at again", () => {
  const run = runOf([100, 0, 0], [20, 0, 200], [20, 0, 200], [20, 0, 200], [200, 0, 20], [200, 0, 20]);
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((i) => run.gaze.away(i)), [false, false, false, true, false, false]);
  assert.equal(looked(run, 3), "Looking at its own text");
  assert.equal(run.gaze.away(-1), false);
});

test("a document that is a small part of the text is not away while its part of what is held is no less", () => {
  const mixes = [[50, 0, 250], [50, 0, 250], [50, 0, 250]]; // a sixth
  const [short, long] = [runOf(...mixes), runOf(...mixes)];
  short.rows = short.rows.map((row) => ({ ...row, context: 60 })); // of which 6 are the document's
  long.rows = long.rows.map((row) => ({ ...row, context: 12 }));
  assert.deepEqual([short.gaze.away(2), long.gaze.away(2)], [false, true]);
});
