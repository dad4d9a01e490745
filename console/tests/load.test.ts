import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { told } from "./page.ts";
import { settled, used } from "./hooks.ts";
import { useAction, useFollow, useLoad, usePages, type Following, type Load } from "../src/load.ts";
import { Problem } from "../src/problems.ts";

const UNREACHABLE = new Problem("unreachable", 0);
const REFUSED = new Problem("order_not_found", 404);

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

/** Answers the calls one after the other, a Problem is a call that fails. */
function answering<T>(...answers: (T | Problem)[]) {
  return mock.fn(async (..._given: unknown[]) => {
    const answer = answers.shift() as T | Problem;
    if (answer instanceof Problem) throw answer;
    return answer;
  });
}

test("what was loaded stays while it is loaded again", async () => {
  const load = answering("one", "two");
  const hook = used(() => useLoad("key", load));
  assert.deepEqual([hook.now.data, hook.now.loading], [null, true]);
  await settled();
  assert.deepEqual([hook.now.data, hook.now.loading], ["one", false]);
  hook.now.reload();
  await Promise.resolve();
  assert.equal(hook.now.data, "one");
  await settled();
  assert.equal(hook.now.data, "two");
});

test("a failure is told beside what was loaded before, until it can be loaded again", async () => {
  const load = answering("one", UNREACHABLE, "two");
  const hook = used(() => useLoad("key", load));
  await settled();
  hook.now.reload();
  await settled();
  assert.deepEqual([hook.now.data, hook.now.problem], ["one", UNREACHABLE]);
  hook.now.reload();
  await settled();
  assert.deepEqual([hook.now.data, hook.now.problem], ["two", null]);
});

test("another key begins with nothing, and is told nothing of what was asked before", async () => {
  let key = "slow";
  const answers: Record<string, (data: string) => void> = {};
  const signals: AbortSignal[] = [];
  const hook = used(() =>
    useLoad(key, (signal) => {
      signals.push(signal);
      return new Promise<string>((resolve) => {
        answers[key] = resolve;
      });
    }),
  );
  await settled();
  key = "quick";
  hook.again();
  await settled();
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, false]);
  answers.quick?.("of quick");
  await settled();
  answers.slow?.("of slow");
  await settled();
  assert.deepEqual([hook.now.data, hook.now.loading], ["of quick", false]);
});

test("what a call has answered is put in without loading it", async () => {
  const load = answering("one");
  const hook = used(() => useLoad("key", load));
  await settled();
  hook.now.put("put");
  await settled();
  assert.equal(hook.now.data, "put");
  assert.equal(load.mock.callCount(), 1);
});

test("what a call has answered is not overwritten by what was asked before", async () => {
  let answer = (_data: string) => {};
  const hook = used(() => useLoad("key", () => new Promise<string>((resolve) => (answer = resolve))));
  await settled();
  hook.now.put("put");
  answer("older");
  await settled();
  assert.deepEqual([hook.now.data, hook.now.loading], ["put", false]);
});

test("what could not be loaded is loaded as soon as there is a network", async () => {
  const load = answering(UNREACHABLE, "one");
  const hook = used(() => useLoad("key", load));
  await settled();
  told.dispatchEvent(new Event("online"));
  await settled();
  assert.deepEqual([hook.now.data, hook.now.problem], ["one", null]);
  told.dispatchEvent(new Event("online"));
  await settled();
  assert.equal(load.mock.callCount(), 2);
});

function useFollowed(key: string, load: () => Promise<string>, following = UNTIL_DONE): Load<string> {
  const loaded = useLoad(key, load);
  useFollow(loaded, following);
  return loaded;
}

const UNTIL_DONE: Following<string> = { done: (data) => data === "done", waits: (data) => data === "waits" };

test("what changes is looked at soon and then less often, until it is done", async () => {
  const load = answering("new", "new", "changed", "done");
  const hook = used(() => useFollowed("key", load));
  await settled();
  const looks: [number, string | null][] = [];
  for (const wait of [500, 999, 1, 500, 60_000]) {
    mock.timers.tick(wait);
    await settled();
    looks.push([load.mock.callCount(), hook.now.data]);
  }
  assert.deepEqual(looks, [
    [2, "new"],
    [2, "new"],
    [3, "changed"],
    [4, "done"],
    [4, "done"],
  ]);
});

test("what waits for money is left alone for ten seconds", async () => {
  const load = answering("waits", "done");
  used(() => useFollowed("key", load));
  await settled();
  mock.timers.tick(9_999);
  await settled();
  assert.equal(load.mock.callCount(), 1);
  mock.timers.tick(1);
  await settled();
  assert.equal(load.mock.callCount(), 2);
});

test("without a network it is looked at again, after a refusal it is not", async () => {
  for (const [problem, calls] of [
    [UNREACHABLE, 2],
    [REFUSED, 1],
  ] as const) {
    const load = answering<string>(problem, "done");
    used(() => useFollowed(problem.code, load));
    await settled();
    mock.timers.tick(500);
    await settled();
    assert.equal(load.mock.callCount(), calls);
  }
});

test("what was shown is looked at no more once it is refused", async () => {
  const load = answering<string>("new", REFUSED, "changed");
  const hook = used(() => useFollowed("key", load));
  await settled();
  for (let look = 0; look < 3; look++) {
    mock.timers.tick(60_000);
    await settled();
  }
  assert.equal(load.mock.callCount(), 2);
  assert.deepEqual([hook.now.data, hook.now.problem], ["new", REFUSED]);
});

test("a screen that was left looks no more", async () => {
  const load = answering("new", "new");
  const hook = used(() => useFollowed("key", load));
  await settled();
  hook.end();
  mock.timers.tick(60_000);
  await settled();
  assert.equal(load.mock.callCount(), 1);
});

test("a page that nobody sees is not followed, and is looked at as soon as it is seen", async () => {
  const load = answering("new", "changed");
  const hook = used(() => useFollowed("key", load));
  await settled();
  told.hidden = true;
  mock.timers.tick(60_000);
  await settled();
  assert.equal(load.mock.callCount(), 1);
  told.hidden = false;
  told.dispatchEvent(new Event("visibilitychange"));
  await settled();
  assert.equal(hook.now.data, "changed");
});

test("a second click while the first is under way does nothing", async () => {
  let end = () => {};
  const work = mock.fn((_id: string) => new Promise<void>((resolve) => (end = resolve)));
  const hook = used(() => useAction(work));
  void hook.now.run("one");
  void hook.now.run("two");
  await settled();
  assert.equal(hook.now.busy, true);
  end();
  await settled();
  assert.equal(hook.now.busy, false);
  void hook.now.run("three");
  assert.deepEqual(work.mock.calls.map(({ arguments: [id] }) => id), ["one", "three"]);
});

test("why it was not done is told until it is tried again or cleared", async () => {
  const work = answering<void>(REFUSED, undefined, REFUSED);
  const hook = used(() => useAction(work));
  const told = [];
  for (const next of [hook.now.run, hook.now.run, hook.now.run, async () => hook.now.clear()]) {
    await next();
    await settled();
    told.push(hook.now.problem?.code ?? null);
  }
  assert.deepEqual(told, ["order_not_found", null, "order_not_found", null]);
});

interface Numbers {
  items: number[];
  next_cursor: string | null;
}

const page = (items: number[], next_cursor: string | null): Numbers => ({ items, next_cursor });

test("pages are put one after the other, and empty ones passed over", async () => {
  const load = answering(page([], "a"), page([1, 2], "b"), page([], "c"), page([3], null));
  const hook = used(() => usePages("key", load));
  await settled();
  assert.deepEqual(hook.now.data, [1, 2]);
  hook.now.more?.();
  await settled();
  assert.deepEqual(hook.now.data, [1, 2, 3]);
  assert.equal(hook.now.more, null);
  const cursors = load.mock.calls.map(({ arguments: [cursor] }) => cursor);
  assert.deepEqual(cursors, [undefined, "a", "b", "c"]);
});

test("a next page that fails leaves those that are there", async () => {
  const load = answering(page([1], "a"), UNREACHABLE, page([2], null));
  const hook = used(() => usePages("key", load));
  await settled();
  hook.now.more?.();
  await settled();
  assert.deepEqual([hook.now.data, hook.now.problem], [[1], UNREACHABLE]);
  hook.now.more?.();
  await settled();
  assert.deepEqual([hook.now.data, hook.now.problem], [[1, 2], null]);
});

test("a list is followed until more of it than its first page is shown", async () => {
  const load = answering(page([1], "a"), page([2, 1], "a"), page([3], "b"));
  const hook = used(() => usePages("key", load, { done: () => false, waits: () => false }));
  await settled();
  mock.timers.tick(500);
  await settled();
  assert.deepEqual(hook.now.data, [2, 1]);
  hook.now.more?.();
  await settled();
  mock.timers.tick(60_000);
  await settled();
  assert.deepEqual(hook.now.data, [2, 1, 3]);
});

test("more of a list that is shown no longer takes nothing from the one that is", async () => {
  let key = "all";
  const answers: ((answer: Numbers) => void)[] = [];
  const load = () => new Promise<Numbers>((resolve) => answers.push(resolve));
  const hook = used(() => usePages(key, load));
  await settled();
  answers[0]?.(page([1], "a"));
  await settled();
  hook.now.more?.();
  await settled();
  key = "refused";
  hook.again();
  await settled();
  answers[1]?.(page([2], null));
  await settled();
  answers[2]?.(page([3], null));
  await settled();
  assert.deepEqual([hook.now.data, hook.now.loading], [[3], false]);
});

test("a list is not looked at while more of it is loaded", async () => {
  const answers: ((answer: Numbers) => void)[] = [];
  const load = mock.fn(() => new Promise<Numbers>((resolve) => answers.push(resolve)));
  const hook = used(() => usePages("key", load, { done: () => false, waits: () => false }));
  await settled();
  answers[0]?.(page([1], "a"));
  await settled();
  hook.now.more?.();
  await settled();
  mock.timers.tick(60_000);
  await settled();
  assert.equal(load.mock.callCount(), 2);
  answers[1]?.(page([2], null));
  await settled();
  assert.deepEqual(hook.now.data, [1, 2]);
});
