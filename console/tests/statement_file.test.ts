import "./page.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "../src/i18n/en.ts";
import { zh } from "../src/i18n/zh.ts";
import { MINOR_DIGITS } from "../src/money.ts";
import { readable } from "../src/statement_file.ts";

const CSV = [
  "number,booked_at,posted_at,posting_id,cause,available_change,deposit_change,owed_change,available,deposit,owed",
  "2,2026-11-25T01:00:01.000000Z,2026-11-25T01:00:00.000000Z,rf_1,refund,-5,-300000,0,0,120050,0",
  "",
].join("\r\n");

test("a downloaded statement is in the reader's language and in whole units", () => {
  const [head, line, ...rest] = readable(CSV, "CNY", zh).split("\r\n");
  assert.match(head ?? "", /^序号,入账时间,资金变动时间,凭证,类型,可用变动,保证金变动,垫付变动,可用余额,保证金,待还垫付$/);
  const there = new Date("2026-11-25T01:00:01Z");
  assert.equal(line?.split(",")[1], `2026-11-${there.getDate()} ${there.toTimeString().slice(0, 8)}`);
  assert.ok(line?.endsWith("rf_1,退款,-0.05,-3000.00,0.00,0.00,1200.50,0.00"));
  assert.deepEqual(rest, [""]);
});

test("a currency without a minor unit keeps its whole numbers", () => {
  MINOR_DIGITS["JPY"] = 0;
  assert.ok(readable(CSV, "JPY", en).includes("rf_1,Refund,-5,-300000,0,0,120050,0"));
});

test("a statement without entries has its names only", () => {
  const head = CSV.slice(0, CSV.indexOf("\r\n") + 2);
  assert.equal(readable(head, "CNY", en).split("\r\n").length, 2);
});

test("no word of a statement has what separates its values", () => {
  for (const words of [zh, en]) {
    for (const cell of readable(CSV, "CNY", words).trimEnd().split("\r\n")) {
      assert.equal(cell.split(",").length, 11);
    }
    assert.doesNotMatch(Object.values(words.statement.causes).join(""), /[,"]/);
  }
});
