import assert from "node:assert/strict";
import { test } from "node:test";

import { base64, refresh, START, steps } from "./map.mjs";
import { load } from "./scripts.mjs";

const SCRIPTS = ["text.js", "layout.js", "gaze.js", "run.js"];
const { MapRun, changeOf } = load("cache_map", SCRIPTS, ["MapRun", "changeOf"]);
const FIRST = refresh(0, 0, 0, 255, 0, 128, 0, 0, 255, 0);
const SECOND = refresh(1, 0, 0, 255, 128, 0, 0, 0, 0, 0);

/** A run that was sent these refreshes. */
function runWith(...refreshes) {
  const run = new MapRun("run", START);
  run.add({ run: "run", refreshes: refreshes.length, refresh: refreshes });
  return run;
}

test("refreshes stand in order, whatever the order of the messages, and come once", () => {
  const run = runWith(SECOND);
  assert.equal(run.add({ run: "run", refresh: [FIRST, SECOND] }), true);
  assert.equal(run.add({ run: "run", refresh: [FIRST] }), false);
  assert.deepEqual(run.rows.map(({ number, context }) => [number, context]), [[0, 9], [1, 9]]);
});

test("a message that was lost is missed, until it has come", () => {
  const run = new MapRun("run", START);
  const message = { run: "run", refreshes: 2, refresh: [SECOND] };
  run.add(message);
  assert.equal(run.lacks(message), true);
  run.add({ run: "run", refresh: [FIRST] });
  assert.equal(run.lacks({ run: "run", refreshes: 2 }), false);
});

test("steps are continued, repeated ones are skipped, and a gap is not filled", () => {
  const run = new MapRun("run", START);
  assert.equal(run.add({ run: "run", steps: steps(0, [2, 0]) }), true);
  assert.equal(run.add({ run: "run", steps: steps(1, [0, 1]) }), true);
  assert.equal(run.add({ run: "run", steps: steps(0, [2, 0, 1]) }), false);
  assert.equal(run.add({ run: "run", steps: steps(9, [2]) }), false);
  assert.deepEqual(run.full, [2, 0, 1]);
  assert.equal(run.lacks({ run: "run", steps: steps(9, [2]) }), true);
});

test("one layer's history is kept; a hole in it is missed", () => {
  const run = runWith(FIRST, SECOND);
  const part = { run: "run", layer: { index: 1, first: 1, kept: [base64(7, 8)] } };
  run.add(part);
  assert.equal(run.lacks(part), true);
  assert.equal(run.levels(0, 1), null);
  assert.deepEqual([...run.levels(1, 1)], [7, 8]);
  run.add({ run: "run", layer: { index: 1, first: 0, kept: [base64(1, 2)] } });
  assert.equal(run.lacks(part), false);
  run.add({ run: "run", layer: { index: 0, first: 0, kept: [base64(5)] } });
  assert.deepEqual([run.levels(0, 1), [...run.levels(0, 0)]], [null, [5]]);
});

test("what entered, left and stayed is counted in the document alone", () => {
  const run = runWith(FIRST, SECOND);
  assert.deepEqual(run.changes(0, null), { entered: 3, left: 0, stayed: 0 });
  assert.deepEqual(run.changes(1, null), { entered: 1, left: 2, stayed: 1 });
});

test("what was before is unknown where the refresh before did not come", () => {
  const run = runWith(SECOND);
  assert.equal(run.levelsBefore(0, null), null);
  assert.deepEqual([...runWith(FIRST).levelsBefore(0, null)], []);
  assert.deepEqual([...runWith(FIRST, SECOND).levelsBefore(1, null)], [0, 0, 255, 0, 128, 0, 0, 255, 0]);
});

test("a page's share is the mean of its tokens", () => {
  const run = runWith(FIRST);
  assert.deepEqual(run.pageShares(run.levels(0, null)), [(255 + 128) / 255 / 3, 255 / 255 / 3]);
});

test("a layer is full in a step in which all are, or in which it was refreshed", () => {
  const run = runWith({ ...FIRST, layers: [3] });
  run.add({ run: "run", steps: steps(0, [1, 2, 0]) });
  const refreshed = run.refreshedLayers();
  const full = (layer) => [0, 1, 2].map((step) => run.isFilled(layer, step, refreshed.get(step)));
  assert.deepEqual([full(0), full(1)], [[false, true, false], [true, true, false]]);
});

test("a token's change is named, and none where it never was", () => {
  assert.deepEqual([changeOf(1, 0), changeOf(0, 1), changeOf(9, 1), changeOf(0, 0)], ["entered", "left", "stayed", null]);
  assert.equal(changeOf(5, undefined), "entered");
});
