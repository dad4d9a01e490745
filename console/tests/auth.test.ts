import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { answers, assign, config, issuer, kept, PAGE } from "./page.ts";
import { signInFailed, signOut, start } from "../src/auth.ts";

const tokens = JSON.stringify({ access_token: "a", expires_at: 9_999_999_999 });

beforeEach(() => {
  kept.clear();
  location.href = PAGE;
  signInFailed.set(false);
  assign.mock.resetCalls();
});

afterEach(() => mock.restoreAll());

test("who comes back from the sign-in page without being signed in is told so", async () => {
  for (const answer of ["code=c", "error=access_denied"]) {
    signInFailed.set(false);
    location.href = `${PAGE}?state=s&${answer}`;
    assert.equal(await start(config), false);
    assert.equal(signInFailed.get(), true);
    assert.equal(location.href, PAGE);
  }
});

test("who is signed in already is told nothing of an address used before", async () => {
  kept.set("tokens", tokens);
  location.href = `${PAGE}?state=s&code=c`;
  assert.equal(await start(config), true);
  assert.equal(signInFailed.get(), false);
});

test("with a provider that has no page for signing out one is signed out here", async () => {
  kept.set("tokens", tokens);
  assert.equal(await start({ ...config, end_session_endpoint: null }), true);
  const { authorization_endpoint, token_endpoint } = config;
  answers(Response.json({ issuer, authorization_endpoint, token_endpoint }));
  await signOut();
  assert.deepEqual(assign.mock.calls.map(({ arguments: [address] }) => address), [PAGE]);
  assert.equal(kept.has("tokens"), false);
});
