import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./scripts.mjs";

const { Sections } = load("cache_map", ["text.js", "sections.js"], ["Sections"]);

/** At the `at`-th of three sections; `asked` are the runs it wants. */
function sectionsAt(at) {
  const nodes = {};
  const node = (name) => (nodes[name] ??= { addEventListener() {} });
  const asked = [];
  const sections = new Sections({ querySelector: node }, (run) => asked.push(run));
  sections.show({ place: [at + 1, 3, "The lamp"], runs: ["a", "b", "c"], at });
  return { sections, nodes, asked };
}

test("the buttons lead to the section before and after, where there is one", () => {
  const ends = [0, 1, 2].map((at) => sectionsAt(at).nodes).map((nodes) => [nodes[".ckm-earlier"].disabled, nodes[".ckm-later"].disabled]);
  assert.deepEqual(ends, [[true, false], [false, false], [false, true]]);
  assert.equal(sectionsAt(1).nodes[".ckm-section"].textContent, "Section 2 of 3: The lamp");
});

test("a replay goes to the first section and on to the next, and is awaited once", () => {
  const { sections, asked } = sectionsAt(2);
  assert.deepEqual([sections.step(1, true), sections.rewind(), asked], [false, true, ["a"]]);
  assert.deepEqual([sections.awaits("b"), sections.awaits("a"), sections.awaits("a")], [false, true, false]);
  assert.equal(sectionsAt(0).sections.rewind(), false);
});

test("a section that a person turns to is not played", () => {
  const { sections, asked } = sectionsAt(0);
  sections.step(1, false);
  assert.deepEqual([asked, sections.awaits("b")], [["b"], false]);
});

test("a run that is in no series goes nowhere", () => {
  const { sections } = sectionsAt(0);
  sections.show(null);
  assert.deepEqual([sections.root.hidden, sections.rewind(), sections.step(1, true)], [true, false, false]);
});
