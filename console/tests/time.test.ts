import assert from "node:assert/strict";
import { test } from "node:test";
import { formatMonth, formatTick, localDay, remaining, startOfDay } from "../src/time.ts";

const UNTIL = "2026-12-02T00:30:00.000000Z";
const END = Date.parse(UNTIL);

test("what is left is told in its two largest units", () => {
  assert.equal(remaining(UNTIL, END - (6 * 86_400 + 3 * 3_600 + 59) * 1000, "en"), "6 days 3 hours");
  assert.equal(remaining(UNTIL, END - 61_000, "en"), "1 minute 1 second");
  assert.equal(remaining(UNTIL, END - 1_000, "en"), "1 second");
  assert.equal(remaining(UNTIL, END - 90_000_000, "zh-CN"), "1天 1小时");
});

test("nothing is left at the end, nor after it", () => {
  assert.equal(remaining(UNTIL, END, "en"), null);
  assert.equal(remaining(UNTIL, END + 1, "en"), null);
});

test("a day typed is the local one, whole", () => {
  const start = startOfDay("2026-02-28");
  assert.equal(localDay(start), "2026-02-28");
  assert.equal(localDay(startOfDay("2026-02-28", 1)), "2026-03-01");
});

test("a month of the statement is UTC's", () => {
  assert.equal(formatMonth("2026-11", "en"), "November 2026");
});

test("an axis tells as much of a moment as its length calls for", () => {
  const at = new Date(2026, 2, 1, 9, 5).getTime();
  const day = 86_400_000;
  assert.equal(formatTick(at, day, "zh-CN"), "3/1 09:05");
  assert.equal(formatTick(at, 30 * day, "zh-CN"), "3/1");
  assert.equal(formatTick(at, 400 * day, "en"), "3/1/2026");
});
