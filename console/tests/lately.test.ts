import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { kept } from "./page.ts";
import { forgetLately, lately, openedLately } from "../src/lately.ts";

beforeEach(() => kept.clear());

test("the merchants opened last are remembered, each once, the latest first", () => {
  for (const merchant of ["m-1", "m-2", "m-1"]) openedLately("anna", merchant);
  assert.deepEqual(lately("anna"), ["m-1", "m-2"]);
});

test("no more than eight are", () => {
  for (let each = 1; each <= 9; each++) openedLately("anna", `m-${each}`);
  assert.deepEqual(lately("anna"), ["m-9", "m-8", "m-7", "m-6", "m-5", "m-4", "m-3", "m-2"]);
});

test("they are nobody else's, and forgotten on signing out", () => {
  openedLately("cleo", "m-1");
  openedLately("bert", "m-2");
  assert.deepEqual(lately("bert"), ["m-2"]);
  forgetLately("cleo");
  assert.deepEqual([lately("cleo"), lately("bert")], [[], ["m-2"]]);
});

test("an answer that comes while one signs out is not remembered", () => {
  openedLately("dora", "m-1");
  forgetLately("dora");
  openedLately("dora", "m-2");
  assert.deepEqual(lately("dora"), []);
});
