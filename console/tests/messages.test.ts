import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "../src/i18n/en.ts";
import { zh } from "../src/i18n/zh.ts";

const HAN = /[\u4e00-\u9fff]/;

/** Every text, by its path; a function is called to see what it says. */
function* texts(value: unknown, path: string): Generator<[string, string]> {
  if (typeof value === "string") yield [path, value];
  else if (typeof value === "function") yield [path, String(value(1, "1", "1"))];
  else for (const [name, each] of Object.entries(value as object)) yield* texts(each, `${path}.${name}`);
}

test("both languages say the same things", () => {
  const paths = (messages: object) => [...texts(messages, "")].map(([path]) => path);
  assert.deepEqual(paths(en), paths(zh));
});

test("no English text is left in Chinese", () => {
  const left = [...texts(en, "")].filter(([path, text]) => HAN.test(text) && path !== ".switchLanguage");
  assert.deepEqual(left, []);
});

test("every text says something", () => {
  assert.deepEqual([...texts(zh, ""), ...texts(en, "")].filter(([, text]) => text.trim() === ""), []);
});
