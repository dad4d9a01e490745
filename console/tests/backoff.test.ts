import assert from "node:assert/strict";
import { test } from "node:test";
import { pollDelay, retryDelay } from "../src/backoff.ts";

test("a refund is looked at soon, then ever less often, up to half a minute", () => {
  const looks = Array.from({ length: 9 }, (_, look) => pollDelay(look, false));
  assert.deepEqual(looks, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
});

test("one that waits for money is not looked at more often than every ten seconds", () => {
  assert.equal(pollDelay(0, true), 10_000);
  assert.equal(pollDelay(8, true), 30_000);
});

test("a retry waits at least half its time, never longer than ten seconds", () => {
  assert.equal(retryDelay(0, 0), 100);
  assert.equal(retryDelay(0, 1), 200);
  assert.equal(retryDelay(20, 1), 10_000);
});
