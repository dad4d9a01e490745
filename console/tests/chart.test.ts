import assert from "node:assert/strict";
import { test } from "node:test";
import { bars, countByDay, range, stepPath } from "../src/chart.ts";

const FRAME = { width: 120, height: 60, pad: 10 };

test("a balance is as far to the right as its time, and stays until the next", () => {
  const steps = [
    { at: 1000, value: 0 },
    { at: 1010, value: 100 },
    { at: 1100, value: 50 },
  ];
  assert.equal(stepPath(steps, FRAME), "M10,50H20V10H110V30");
});

test("a balance below zero is below the others", () => {
  const steps = [-50, 50].map((value, at) => ({ at, value }));
  assert.equal(stepPath(steps, FRAME), "M10,50H110V10");
});

test("balances of one and the same moment are above one another", () => {
  const steps = [0, 100].map((value) => ({ at: 1000, value }));
  assert.equal(stepPath(steps, FRAME), "M10,50H10V10");
});

test("the axis goes from the lowest to the highest, and zero is on it", () => {
  assert.deepEqual(range([20, 100]), [0, 100]);
  assert.deepEqual(range([-20, -10]), [-20, 0]);
  assert.deepEqual(range([0, 0]), [0, 1]);
});

test("bars are as tall as their counts", () => {
  assert.deepEqual(bars([0, 2, 4], FRAME).map((bar) => bar.height), [0, 20, 40]);
});

test("refunds are counted by the day on which they were asked for", () => {
  assert.deepEqual(countByDay(["d1", "d2", "d2", "d9"], ["d0", "d1", "d2"]), [0, 1, 2]);
});
