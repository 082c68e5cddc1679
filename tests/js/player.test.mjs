import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./scripts.mjs";

/** A player over so many refreshes, on a page of stand-ins; `moves` is what it asks for, `pass` lets time go by. */
function madePlayer(rows, at, other = { begun: () => false, ended: () => false }) {
  const node = () => ({ addEventListener() {}, setAttribute() {}, classList: { toggle() {} } });
  const moves = [];
  let waiting = null;
  const clock = { setTimeout: (later) => ((waiting = later), 1), clearTimeout: () => (waiting = null) };
  const { Player } = load("cache_map", ["text.js", "words.js", "player.js"], ["Player"], clock);
  const player = new Player({ querySelector: node }, {
    ...other,
    moved: (i) => {
      moves.push(i);
      player.show(refreshes, i ?? rows - 1, i === null);
    },
  });
  const refreshes = Array.from({ length: rows }, (_, number) => ({ number, step: 10 * number, reason: "stride" }));
  player.show(refreshes, at, at === rows - 1);
  return { player, moves, pass: () => waiting?.() };
}

test("a replay starts at the first refresh if the newest is shown, and then follows it again", () => {
  const { player, moves, pass } = madePlayer(4, 3);
  player.play();
  while (player.timer) pass();
  assert.deepEqual(moves, [0, 1, 2, null]);
});

test("it goes on from the refresh shown, and stops at a press", () => {
  const { player, moves, pass } = madePlayer(6, 1);
  player.play();
  pass();
  player.pause();
  pass();
  assert.deepEqual(moves, [2, 3]);
});

test("one refresh is not replayed", () => {
  const { player, moves } = madePlayer(1, 0);
  player.play();
  assert.deepEqual(moves, []);
});

test("of several sections it begins in the first, and goes on in the next", () => {
  const told = [];
  const other = { begun: () => told.push("begun") > 0, ended: () => told.push("ended") > 0 };
  const last = madePlayer(3, 2, other);
  last.player.play();
  assert.deepEqual([last.moves, told], [[], ["begun"]]);
  const first = madePlayer(3, 2, other);
  first.player.playFrom(0);
  while (first.player.timer) first.pass();
  assert.deepEqual([first.moves, told], [[0, 1, null], ["begun", "ended"]]);
});
