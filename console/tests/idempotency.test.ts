import assert from "node:assert/strict";
import { test } from "node:test";
import { keyAfter, newKey } from "../src/idempotency.ts";

test("each form has a key of its own, printable and short enough", () => {
  assert.notEqual(newKey(), newKey());
  assert.match(newKey(), /^[!-~]{1,128}$/);
});

test("the key is kept whatever else happens, so that a second click is the same request", () => {
  for (const code of [undefined, "busy", "unreachable", "amount_exceeds_refundable", "invalid_request"]) {
    assert.equal(keyAfter(code, "kept"), "kept");
  }
});

test("a key that is bound to what was refused is not used for what comes next", () => {
  for (const code of ["goods_not_intact", "idempotency_key_reused"]) {
    assert.equal(keyAfter(code, "bound", () => "new"), "new");
  }
});
