import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compileFunction } from "node:vm";

const SCRIPT = readFileSync(new URL("../../assets/announce.js", import.meta.url), "utf8");

/** The announcer on a page whose only part is the progress; `says(text, seconds)` is what it says of that then. */
function announcer() {
  const lines = [];
  let part = null, changed = () => {}, now = 0;
  const region = { appendChild: (line) => (lines.push(line), line) };
  const given = {
    element: { querySelector: () => region },
    document: { body: {}, createElement: () => ({ textContent: "" }), querySelector: (name) => (name === "#progress p" ? part : null) },
    MutationObserver: class { constructor(callback) { changed = callback; } observe() {} },
    Date: { now: () => now },
  };
  compileFunction(SCRIPT, Object.keys(given))(...Object.values(given));
  return (text, seconds, alert = false) => {
    now = 1000 * seconds;
    part = { textContent: text, matches: () => alert };
    changed();
    return lines[0].textContent;
  };
}

test("other words are said at once, other numbers only after ten seconds", () => {
  const says = announcer();
  assert.equal(says("Reading, 1 of 9", 20), "Reading, 1 of 9");
  assert.equal(says("Reading, 2 of 9", 21), "Reading, 1 of 9");
  assert.equal(says("Writing, 1 word", 22), "Writing, 1 word");
  assert.equal(says("Writing, 2 word", 33), "Writing, 2 word");
});

test("an alert is left to itself", () => {
  assert.equal(announcer()("It failed", 20, true), "");
});
