import assert from "node:assert/strict";
import { test } from "node:test";
import { match } from "../src/routes.ts";

const ROUTES = { "": "home", refunds: "list", "refunds/:id": "refund" };

test("an address is the screen whose pattern it fits", () => {
  assert.deepEqual(match("", ROUTES), ["home", {}]);
  assert.deepEqual(match("refunds", ROUTES), ["list", {}]);
  assert.deepEqual(match("refunds/rf_1", ROUTES), ["refund", { id: "rf_1" }]);
});

test("any other address is none", () => {
  assert.equal(match("refunds/rf_1/more", ROUTES), null);
  assert.equal(match("orders", ROUTES), null);
});
