import assert from "node:assert/strict";
import { test } from "node:test";
import { faults, mayPass, Problem, problemOf } from "../src/problems.ts";

const document = {
  type: "urn:instant-refunds:problem:invalid_request",
  title: "A field is missing, unknown or malformed",
  title_zh: "字段缺失、未知或格式错误",
  status: 400,
  code: "invalid_request",
  errors: [{ pointer: "#/body/contact/email", type: "value_error", message: "not an address" }],
};

function answer(status: number, type: string, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": type } });
}

test("a problem document becomes a problem with its code and facts", async () => {
  const facts = { refundable: 100, currency: "CNY" };
  const problem = await problemOf(answer(422, "application/problem+json", { ...document, facts }));
  assert.equal(problem.code, "invalid_request");
  assert.equal(problem.fact("refundable"), 100);
});

test("what API Gateway itself answers has a code too", async () => {
  const codes = [401, 403, 413, 429, 500, 503].map(
    async (status) => (await problemOf(answer(status, "application/json", { message: "…" }))).code,
  );
  assert.deepEqual(await Promise.all(codes), [
    ...["gateway_401", "gateway_403", "gateway_413", "gateway_429"],
    ...["gateway_503", "gateway_503"],
  ]);
});

test("each field at fault is named by its place in the form", () => {
  const problem = new Problem("invalid_request", 400, document);
  assert.deepEqual(faults(problem), { "contact/email": "format" });
  assert.deepEqual(faults(null), {});
});

test("faults are told apart by their types, whatever their sentences", () => {
  const types = ["missing", "string_too_long", "too_short", "string_pattern_mismatch"];
  const errors = types.map((type, index) => ({ pointer: `#/body/${index}`, type, message: "…" }));
  const told = faults(new Problem("invalid_request", 400, { ...document, errors }));
  assert.deepEqual(Object.values(told), ["missing", "long", "short", "format"]);
});

test("only what decided nothing is worth the same request again", () => {
  const statuses = [0, 429, 500, 503, 400, 401, 404, 409, 422];
  assert.deepEqual(
    statuses.filter((status) => mayPass(new Problem("any", status))),
    [0, 429, 500, 503],
  );
});
