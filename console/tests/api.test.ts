import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { answers, config, issuer, kept } from "./page.ts";
import { call, download, reachable } from "../src/api.ts";
import { expired, signOut, start } from "../src/auth.ts";

const HOUR = 3600;
const NOON = Date.UTC(2026, 2, 1, 12);
const UNREACHABLE = { name: "Error", code: "unreachable", status: 0 };

function breaksOff(): Response {
  const body = new ReadableStream({ pull: (stream) => stream.error(new TypeError("network error")) });
  return new Response(body);
}

beforeEach(async () => {
  mock.timers.enable({ apis: ["Date"], now: NOON });
  const tokens = { access_token: "a", refresh_token: "r", expires_at: NOON / 1000 + HOUR };
  kept.set("tokens", JSON.stringify(tokens));
  assert.equal(await start(config), true);
  reachable.set(true);
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

test("without a network an old token is no reason to end otherwise than any other call", async () => {
  mock.timers.setTime(NOON + HOUR * 1000);
  const asked = answers(new TypeError("Failed to fetch"));
  await assert.rejects(call("post", "/refunds"), UNREACHABLE);
  assert.deepEqual(asked, [`${issuer}/token`]);
  assert.equal(reachable.get(), false);
});

test("an answer that breaks off is none", async () => {
  answers(breaksOff());
  await assert.rejects(call("post", "/refunds"), UNREACHABLE);
  assert.equal(reachable.get(), false);
});

test("a refusal that breaks off is no refusal", async () => {
  const headers = { "Content-Type": "application/problem+json" };
  answers(new Response(breaksOff().body, { status: 422, headers }));
  await assert.rejects(call("post", "/refunds"), UNREACHABLE);
});

test("the part of a file that breaks off is asked for again", async () => {
  mock.method(globalThis, "setTimeout", (run: () => void) => queueMicrotask(run));
  const headers = { Link: '<?currency=CNY&cursor=2>; rel="next"' };
  const asked = answers(
    new Response("entry\n1\n", { headers }),
    breaksOff(),
    new Response("entry\n2\n"),
  );
  assert.equal(await download("/wallet/statement.csv", { currency: "CNY", from: null }), "entry\n1\n2\n");
  const file = "https://shop.example/v1/wallet/statement.csv";
  const next = `${file}?currency=CNY&cursor=2`;
  assert.deepEqual(asked, [`${file}?currency=CNY`, next, next]);
});

test("who signs out asks nothing more, and is not told that the session ended", async () => {
  await signOut();
  const asked = answers();
  await assert.rejects(call("get", "/me"), { name: "Error", status: 401 });
  assert.deepEqual(asked, []);
  assert.equal(expired.get(), false);
});
