import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { compileFunction } from "node:vm";

import { load, scripts, source } from "./scripts.mjs";

for (const folder of ["editor", "cache_map", "preview", "support", "search"]) {
  test(`scripts.json of ${folder} names every script of the folder once`, () => {
    const files = readdirSync(new URL(`../../assets/${folder}`, import.meta.url)).filter((name) => name.endsWith(".js"));
    const own = scripts(folder).filter((name) => !name.startsWith("../"));
    assert.deepEqual(own.toSorted(), files.toSorted());
  });

  test(`the scripts of ${folder} are one function`, () => {
    compileFunction(source(folder), ["element", "props", "trigger", "watch"]);
  });

  test(`${folder} says the same things in both languages`, () => {
    const [en, ja] = ["en", "ja-JP"].map((language) => load(folder, ["text.js"], ["TEXT"], { navigator: { language } }).TEXT);
    const [english, japanese] = folder === "cache_map" ? [en.en, en.ja] : [en, ja];
    assert.deepEqual(Object.keys(japanese), Object.keys(english));
    for (const [name, words] of Object.entries(japanese)) assert.equal(typeof words, typeof english[name], name);
  });
}
