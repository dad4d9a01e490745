import assert from "node:assert/strict";
import { test } from "node:test";
import { decimal, formatAmount, MINOR_DIGITS, minorDigits, parseAmount, parseSigned } from "../src/money.ts";

Object.assign(MINOR_DIGITS, { JPY: 0, KWD: 3, IQD: 3 });

test("the minor units of a currency are those of ISO 4217", () => {
  assert.deepEqual(["CNY", "HUF", "JPY", "KWD"].map(minorDigits), [2, 2, 0, 3]);
});

test("what a browser rounds by custom is shown to the last minor unit", () => {
  assert.equal(formatAmount(29901, "HUF", "en"), "HUF\u00a0299.01");
  assert.equal(formatAmount(29900, "HUF", "en"), "HUF\u00a0299.00");
  assert.equal(formatAmount(1234, "IQD", "en"), "IQD\u00a01.234");
  assert.equal(formatAmount(1234, "JPY", "en"), "¥1,234");
  assert.equal(parseAmount("100", "HUF"), 10000);
});

test("what a person types becomes whole minor units", () => {
  const typed = ["99", "99.0", "99.00", "0.07", " 1,234.5 ", "１２.３", "12.", "1.100"];
  const amounts = [9900, 9900, 9900, 7, 123450, 1230, 1200, 110];
  assert.deepEqual(typed.map((text) => parseAmount(text, "CNY")), amounts);
  assert.equal(parseAmount("1200", "JPY"), 1200);
  assert.equal(parseAmount("1.234", "KWD"), 1234);
});

test("what floats would get wrong is right", () => {
  assert.equal(parseAmount("1.13", "CNY"), 113);
  assert.equal(parseAmount("9999999999.99", "CNY"), 999999999999);
  assert.equal(decimal(999999999999, "CNY"), "9999999999.99");
  assert.equal(formatAmount(999999999999, "CNY", "en"), "CN¥9,999,999,999.99");
});

test("what is no amount of the currency is none", () => {
  for (const text of ["", "-1", "1e2", "1.234", "abc", "0", "0.00", "1.2.3", "10000000001"]) {
    assert.equal(parseAmount(text, "CNY"), null, text);
  }
  assert.equal(parseAmount("1.5", "JPY"), null);
});

test("zero counts only where it may", () => {
  assert.equal(parseAmount("0", "CNY", 0n), 0);
});

test("a sign is read before the amount", () => {
  assert.deepEqual(["-5.5", "−5.5", "5.5", "--5"].map((text) => parseSigned(text, "CNY")), [-550, -550, 550, null]);
});

test("minor units are shown as a decimal of the currency", () => {
  assert.deepEqual([0, 7, -7, 123456].map((amount) => decimal(amount, "CNY")), ["0.00", "0.07", "-0.07", "1234.56"]);
  assert.equal(decimal(-1200, "JPY"), "-1200");
  assert.equal(formatAmount(9900, "CNY", "zh-CN"), "¥99.00");
  assert.equal(formatAmount(9900, "CNY", "zh-CN", true), "+¥99.00");
});
