import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compileFunction } from "node:vm";

const SCRIPT = readFileSync(new URL("../../assets/log.js", import.meta.url), "utf8");
const { LogReader } = compileFunction(`${SCRIPT}\nreturn { LogReader };`)();
const HEAD = '\u001b{"kind":"run","log":"a1"}\n';

test("only a log is read as one", () => {
  assert.deepEqual([HEAD, '{"kind":"set"}', ""].map(LogReader.reads), [true, false, false]);
});

test("messages, text and cuts come in order", () => {
  const value = `${HEAD}\u001b{"kind":"place","at":3}\nIt stood on\u001a8;.\u001b{"kind":"over"}\n`;
  assert.deepEqual(new LogReader().added(value), [
    { kind: "run", log: "a1" }, { kind: "place", at: 3 }, "It stood on", { cut: 8 }, ".", { kind: "over" },
  ]);
});

test("only what came since the last look is given", () => {
  const reader = new LogReader();
  reader.added(`${HEAD}It`);
  assert.deepEqual(reader.added(`${HEAD}It`), []);
  assert.deepEqual(reader.added(`${HEAD}It stood\u001a0;`), [" stood", { cut: 0 }]);
});

test("another log is read from its beginning", () => {
  const reader = new LogReader();
  reader.added(`${HEAD}It stood on the rock.`);
  assert.deepEqual(reader.added('\u001b{"log":"b2"}\nNo'), [{ log: "b2" }, "No"]);
});

test("text and messages hold any character that a text may", () => {
  const words = "灯台 🙂\n12;\n\u2028\u2029\u0085"; // some of which JavaScript takes for line ends
  const value = `${HEAD}\u001b${JSON.stringify({ words })}\n${words}`;
  assert.deepEqual(new LogReader().added(value).slice(1), [{ words }, words]);
});
