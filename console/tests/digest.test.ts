import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../src/digest.ts";

test("the digest is that of the vector which docs/policy.md publishes", async () => {
  const statement = {
    reasons: "七天无理由 No reason needed",
    handling: '完好即退 "Intact" goods: refunded at once\n到账后通知',
  };
  assert.equal(
    await digestOf({ instant_refund: true, statement }),
    "852767f15a56cdcb459b6d1598e66baf7af4844af9c37aba0f62df62c7f9ba70",
  );
});
