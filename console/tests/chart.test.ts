import assert from "node:assert/strict";
import { test } from "node:test";
import { bars, countByDay, linePath } from "../src/chart.ts";

const FRAME = { width: 120, height: 60, pad: 10 };

test("a line begins at the left, ends at the right, and zero is its ground", () => {
  assert.equal(linePath([0, 100, 50], FRAME), "M10,50L60,10L110,30");
});

test("a balance below zero is below the others", () => {
  assert.equal(linePath([-50, 50], FRAME), "M10,50L110,10");
});

test("bars are as tall as their counts", () => {
  assert.deepEqual(bars([0, 2, 4], FRAME).map((bar) => bar.height), [0, 20, 40]);
});

test("refunds are counted by the day on which they were asked for", () => {
  assert.deepEqual(countByDay(["d1", "d2", "d2", "d9"], ["d0", "d1", "d2"]), [0, 1, 2]);
});
