import assert from "node:assert/strict";
import { test } from "node:test";
import { difference } from "../src/diff.ts";

test("texts that are the same do not differ", () => {
  assert.deepEqual(difference("七天无理由", "七天无理由"), [{ kind: "same", text: "七天无理由" }]);
  assert.deepEqual(difference("", ""), []);
});

test("a Han character is compared by itself, and a word as a whole", () => {
  assert.deepEqual(difference("七天无理由 refund now", "十天无理由 refunds now"), [
    { kind: "removed", text: "七" },
    { kind: "added", text: "十" },
    { kind: "same", text: "天无理由 " },
    { kind: "removed", text: "refund" },
    { kind: "added", text: "refunds" },
    { kind: "same", text: " now" },
  ]);
});

test("both texts can be put together again from the difference", () => {
  const [before, now] = ["退回 钱包, 3 days\nAsk us.", "退至 钱包\nAsk them, in 3 days."];
  const changes = difference(before, now);
  const without = (kind: string) =>
    changes.filter((each) => each.kind !== kind).map((each) => each.text).join("");
  assert.equal(without("added"), before);
  assert.equal(without("removed"), now);
});

test("the longest texts are compared in a moment", () => {
  const long = "交易完成后七天内无需任何理由".repeat(142);
  assert.equal(difference(long, `${long}。`).at(-1)?.kind, "added");
});
