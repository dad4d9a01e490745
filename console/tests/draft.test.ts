import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createElement } from "preact";
import { settled, used } from "./hooks.ts";
import { kept } from "./page.ts";
import { forgetDrafts, useDraft } from "../src/draft.ts";
import { SessionContext } from "../src/session.ts";

interface Typed {
  reason: string;
  amount: string;
}

const EMPTY: Typed = { reason: "", amount: "" };

/** The form of one person, as it is opened: after a reload, it is opened anew. */
function form(subject: string, initial: Partial<Typed> = {}) {
  const me = { subject, merchant_id: null, buyer_id: "b-1", operator: false };
  const use = () => useDraft<Typed>("refund", () => ({ ...EMPTY, ...initial }));
  const session = { me, acting: "buyer" as const };
  const opened = used(use, (children) => createElement(SessionContext.Provider, { value: session, children }));
  const change = async (part: Partial<Typed>) => {
    opened.now[1](part);
    await settled();
  };
  const clear = async (next?: Typed) => {
    opened.now[2](next);
    await settled();
  };
  return { typed: () => opened.now[0], change, clear };
}

beforeEach(() => kept.clear());

test("what was typed is there after a reload", async () => {
  const before = form("anna");
  await before.change({ reason: "too small" });
  await before.change({ amount: "3" });
  assert.deepEqual(before.typed(), { reason: "too small", amount: "3" });
  assert.deepEqual(form("anna").typed(), before.typed());
});

test("it is not there for another person", async () => {
  await form("anna").change({ reason: "too small" });
  assert.deepEqual(form("bert").typed(), EMPTY);
});

test("a field that the form did not have yet begins as it does now", async () => {
  kept.set("draft:anna:refund", JSON.stringify({ reason: "too small" }));
  assert.deepEqual(form("anna", { amount: "1" }).typed(), { reason: "too small", amount: "1" });
});

test("once it is sent nothing is kept of it", async () => {
  const sent = form("anna");
  await sent.change({ reason: "too small" });
  await sent.clear();
  assert.equal(sent.typed().reason, "too small");
  assert.deepEqual(form("anna").typed(), EMPTY);
  await sent.clear({ reason: "next", amount: "" });
  assert.equal(sent.typed().reason, "next");
  assert.equal(kept.size, 0);
});

test("signing out forgets what everybody typed, and nothing else", async () => {
  await form("anna").change({ reason: "too small" });
  await form("bert").change({ reason: "too big" });
  kept.set("tokens", "{}");
  forgetDrafts();
  assert.deepEqual([...kept.keys()], ["tokens"]);
});

test("in a browser that keeps nothing one can type all the same", async (context) => {
  context.mock.method(kept, "set", () => {
    throw new Error("full");
  });
  const typed = form("anna");
  await typed.change({ reason: "too small" });
  assert.equal(typed.typed().reason, "too small");
});
