// Tests of the page's pure modules, run by Node without anything installed: `cargo xtask interop page`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { balance, equation, verdict } from "./assets/balance.js";
import { about, duration } from "./assets/format.js";
import { decades, linear, logarithmic, roundStep, spread, ticks } from "./assets/scale.js";
import { waitAfter } from "./assets/poll.js";

const quiet = {
  recorded: 10,
  recovered: 0,
  queued: 0,
  spooled: 0,
  handed: 0,
  acked: 10,
  dropped: {},
  stored: { A: 6, B: 4 },
};

test("a quiet ledger balances and is stored", () => {
  assert.equal(verdict(quiet).tone, "well");
  assert.match(verdict(quiet).text, /^Every recorded message is stored$/);
  assert.deepEqual(
    equation(quiet).map(({ sign, count }) => [sign, count]),
    [
      ["", 10],
      ["=", 10],
      ["+", 0],
      ["+", 0],
    ],
  );
});

test("a message in no state is an alarm, whichever side it is missing on", () => {
  for (const recorded of [9, 11]) {
    assert.equal(verdict({ ...quiet, recorded }).tone, "alarm");
    assert.equal(equation({ ...quiet, recorded })[1].sign, "≠");
  }
});

test("what moves, what waits for the store and what was dropped is said", () => {
  assert.match(verdict({ ...quiet, recorded: 15, queued: 2, handed: 3 }).text, /5 under way/);
  assert.match(verdict({ ...quiet, stored: { A: 6 } }).text, /4 under way/);
  assert.equal(verdict({ ...quiet, recorded: 12, dropped: { full: 2 } }).tone, "loss");
});

test("rows of others never pass for this run's", () => {
  const busy = { ...quiet, stored: { A: 100 } };
  assert.equal(balance(busy).beyond, 90);
  assert.doesNotMatch(verdict(busy).text, /stored/);
  assert.equal(balance({ ...quiet, recorded: 12, handed: 2, stored: { A: 12 } }).beyond, 0);
});

test("one side alone has a ledger too", () => {
  assert.equal(verdict({ ...quiet, stored: null }).tone, "well");
  const server = {
    recorded: null,
    recovered: null,
    queued: null,
    spooled: null,
    handed: null,
    acked: null,
    dropped: null,
    stored: { A: 3 },
  };
  assert.equal(verdict(server).tone, "well");
  assert.deepEqual(equation(server), []);
  assert.equal(verdict({ ...server, stored: {} }).tone, "idle");
});

test("scales meet their ends, also of empty domains", () => {
  assert.equal(linear([0, 10], [5, 25])(10), 25);
  assert.equal(linear([3, 3], [5, 25])(3), 5);
  assert.equal(logarithmic([1, 100], [0, 10])(10), 5);
});

test("ticks are round and enclose", () => {
  assert.deepEqual(ticks(0, 9, 4, 1), [0, 5, 10]);
  assert.deepEqual(ticks(0, 0, 4, 1), [0, 1]);
  assert.deepEqual(decades(3, 200), [1, 10, 100, 1000]);
  assert.equal(roundStep(0, 4), 1);
});

test("labels keep their distance and stay inside", () => {
  assert.deepEqual(spread([0, 1, 50], 10), [0, 10, 50]);
  assert.deepEqual(spread([48, 49, 50], 10, 50), [30, 40, 50]);
});

test("a response time is marked once its bin is wider than a millisecond", () => {
  assert.equal(about(127), duration(127));
  assert.equal(about(129), `≈ ${duration(129)}`);
});

test("waiting grows and is bounded", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 50].map(waitAfter),
    [1000, 1000, 2000, 4000, 8000, 15000, 15000],
  );
});
