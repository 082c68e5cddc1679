import assert from "node:assert/strict";
import { test } from "node:test";

import { refresh, START, steps } from "./map.mjs";
import { load } from "./scripts.mjs";

const SCRIPTS = ["text.js", "layout.js", "gaze.js", "run.js", "words.js"];
const NAMES = ["MapRun", "count", "percent", "nameOf", "spoken", "termsOf", "placeOf", "explain", "figures", "describe", "excerpt"];
const { MapRun, count, percent, nameOf, spoken, termsOf, placeOf, explain, figures, describe, excerpt } = load("cache_map", SCRIPTS, NAMES);

function madeRun(...refreshes) {
  const run = new MapRun("run", START);
  run.add({ run: "run", refresh: refreshes });
  return run;
}
const RUN = madeRun(refresh(0, 0, 0, 255, 0, 128, 0, 0, 0, 0), refresh(1, 0, 0, 255, 255, 0, 0, 0, 0, 0));

test("numbers are written out, and what is a little is not nothing", () => {
  assert.equal(count(12345), "12,345");
  assert.deepEqual([0, 0.004, 0.005, 0.5, 1].map(percent), ["0%", "<1%", "1%", "50%", "100%"]);
});

test("a refresh is named by its number, step and reason", () => {
  assert.equal(nameOf(RUN.rows[1]), "Refresh 1, step 10, by stride");
  assert.equal(nameOf({ ...RUN.rows[1], reason: "other" }), "Refresh 1, step 10, other");
});

test("what each kind of method does has words of its own", () => {
  const named = (kind) => {
    const run = new MapRun("run", { ...START, kind });
    run.add({ run: "run", refresh: [refresh(0, 255), refresh(1, 0, 255)] });
    return [nameOf(run.rows[1]), figures(run, 1, null)];
  };
  for (const kind of [undefined, "refreshed", "full"]) assert.equal(named(kind)[0], "Refresh 1, step 10, by stride");
  assert.equal(named("kept")[0], "What was kept, step 10, by stride");
  assert.match(named("kept")[1], /2 of 2 tokens are kept\. What was kept/);
  assert.equal(named("read")[0], "What was read in step 10");
  assert.match(named("read")[1], /2 of 2 tokens are read in a step\. What was read/);
});

test("what is filled in the layers by steps is said in the words of the method, and of full attention that there is no choice", () => {
  const said = (kind) => [spoken(kind).step("10", 3, true), spoken(kind).step("11", 3, false), spoken(kind).filledOf(2, 30)];
  assert.deepEqual(said("refreshed"), ["Step 10, layer 3: full", "Step 11, layer 3: partial", "2 of 30 layers full"]);
  assert.deepEqual(said("full"), said("refreshed"));
  assert.deepEqual(said("kept"), ["Step 10, layer 3: chosen", "Step 11, layer 3: over what was kept", "chosen in 2 of 30 layers"]);
  assert.match(said("read").join(), /what was read is on the map.*not on the map.*2 of 30 layers on the map/);
  const terms = (kind) => termsOf(new MapRun("run", { ...START, kind }));
  assert.match(terms("full"), /there is no choice to show/);
  assert.equal(terms("read"), spoken("read").terms);
  assert.equal(spoken("read").name("0", "0", "after the prompt"), "What was chosen after the prompt");
});

test("a position is in a page, around the document, or in what was generated", () => {
  const places = [1, 2, 7, 8, 9].map((position) => placeOf(RUN, position));
  const around = "instructions around the document";
  assert.deepEqual(places, [around, "report.pdf · page 1", "report.pdf · page 2", around, "generated text"]);
});

test("the legend says what is shown, or why there is nothing", () => {
  assert.equal(explain(null, -1, null, "share"), "The map appears once a run has read its document.");
  assert.match(explain(madeRun(), -1, null, "share"), /still reading/);
  const full = madeRun();
  full.add({ run: "run", steps: steps(0, [2, 2]) });
  assert.match(explain(full, -1, null, "share"), /there is no choice to show/);
  assert.match(explain(RUN, 1, null, "share"), /^The darker a word/);
  assert.match(explain(RUN, 1, null, "changes"), /1 entered, 1 left, 1 stayed\.$/);
  assert.match(explain(RUN, 1, null, "passages"), /^Filled/);
});

test("the technical figures are those of what is shown", () => {
  assert.match(figures(RUN, 1, null), /of the 4 \(layer, KV head\) pairs.* 2 of 9 tokens\. Refresh 1, step 10/);
  assert.match(figures(RUN, 1, 1), /of the 2 KV heads of layer 3/);
  assert.deepEqual([figures(null, -1, null), figures(madeRun(), -1, null)], ["", ""]);
});

test("the picture in words says how much is held, where most is, and what changed", () => {
  assert.equal(
    describe(RUN, 1, null),
    "Looking over the documents. In view: 100% documents, 0% its own text, 0% instruction. " +
      "Refresh 1, step 10, by stride: 2 of 6 document tokens are in view of at least one KV head. " +
      "Most are on report.pdf · page 1. Tokens of the document: 1 entered, 1 left, 1 stayed.",
  );
  assert.equal(describe(madeRun(), -1, null), "6 document tokens, none in view yet.");
});

test("an excerpt is one line", () => {
  assert.equal(excerpt(RUN.doc, 1), "“…two Three four.…”");
});
