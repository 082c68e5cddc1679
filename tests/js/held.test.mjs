import assert from "node:assert/strict";
import { test } from "node:test";

import { START } from "./map.mjs";
import { load } from "./scripts.mjs";

const { Held, readDocument } = load("cache_map", ["text.js", "layout.js", "held.js"], ["Held", "readDocument"]);
const doc = readDocument(START);
const NOTHING = { pages: [], passages: [], quotes: [], near: [], note: "" };

test("passages, quotes and what is nearly quoted are marked by token of the document", () => {
  const held = new Held({ ...NOTHING, passages: [[3, 5, 0.5]], quotes: [[2, 5]], near: [[6, 8, 91]] }, doc);
  assert.deepEqual([...held.shares], [0, 0.5, 0.5, 0, 0, 0]);
  assert.deepEqual([...held.quotes], [1 | 2, 1, 1 | 4, 0, 0, 0]);
  assert.deepEqual([...held.similarities], [0, 0, 0, 0, 91, 91]);
  assert.equal(held.marked, true);
});

test("the map goes to the most held passage, else to a quote, a page, or the document's begin", () => {
  const strongest = (message) => new Held({ ...NOTHING, ...message }, doc).strongest;
  assert.equal(strongest({ passages: [[6, 7, 0.2]], quotes: [[3, 4]] }), 6);
  assert.equal(strongest({ quotes: [[3, 4]], near: [[2, 3, 90]] }), 3);
  assert.equal(strongest({ pages: [[1, 0.4]] }), 5);
  assert.equal(strongest({}), 2);
  assert.equal(new Held(NOTHING, doc).marked, false);
});

test("a page that the map does not have is passed over", () => {
  const held = new Held({ ...NOTHING, pages: [[1, 0.75], [7, 0.25]] }, doc);
  assert.deepEqual(held.parts(doc), [0, 0.75]);
});

test("a page begins at its most held passage", () => {
  const held = new Held({ ...NOTHING, pages: [[0, 0.5], [1, 0.5]], passages: [[6, 7, 0.9], [7, 8, 0.1]] }, doc);
  assert.deepEqual([held.begin(0, doc), held.begin(1, doc)], [2, 6]);
});
