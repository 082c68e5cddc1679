import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./scripts.mjs";

const { headings } = load("preview", ["headings.js"], ["headings"]);
const titles = (text) => headings(text).map(({ level, title }) => [level, title]);

test("headings are found with their level, line and place", () => {
  const text = "# One\n\ntext 😀\n\n### *Two* `code` ###\n";
  assert.deepEqual(headings(text), [
    { level: 1, title: "One", start: 0, line: 0 },
    { level: 3, title: "Two code", start: text.indexOf("###"), line: 4 },
  ]);
});

test("underlined lines are headings, rules and lists are none", () => {
  assert.deepEqual(titles("One\n===\n\nTwo\n---\n\n---\n\n- item\n---\n"), [[1, "One"], [2, "Two"]]);
});

test("what is in fenced code is no heading, and what only looks like one is none", () => {
  assert.deepEqual(titles("```\n# no\n```\n# yes\n~~~ x\n# no\n```\n# no\n~~~\n## too"), [[1, "yes"], [2, "too"]]);
  assert.deepEqual(titles("#no\n    # no\n####### no\n#\n# \n"), []);
  assert.deepEqual(titles("``` a`b\n# yes"), [[1, "yes"]]);
});

test("marks of emphasis and links are left out, names with underscores stay", () => {
  assert.deepEqual(titles("# [The *log*](http://a.b) of snake_case_names\n# a\\*b\n# 灯台 **と** 霧"), [
    [1, "The log of snake_case_names"], [1, "a*b"], [1, "灯台 と 霧"],
  ]);
});
