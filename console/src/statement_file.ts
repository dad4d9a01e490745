import type { Schema } from "./api.ts";
import type { Messages } from "./i18n/index.ts";
import { decimal } from "./money.ts";
import { localTime } from "./time.ts";

type Column = keyof Schema["StatementLine"];

const AMOUNTS = new Set<string>([
  "available_change",
  "deposit_change",
  "owed_change",
  "available",
  "deposit",
  "owed",
] satisfies Column[]);

function names(t: Messages): Record<Column, string> {
  const { statement, wallet } = t;
  return {
    number: statement.number,
    booked_at: statement.time,
    posted_at: statement.moved,
    posting_id: statement.reference,
    cause: statement.cause,
    available_change: statement.change,
    deposit_change: statement.depositChange,
    owed_change: statement.owedChange,
    available: wallet.available,
    deposit: wallet.deposit,
    owed: wallet.owed,
  };
}

/**
 * The API's CSV for a person: names and causes in their language, times where they are, amounts in
 * the currency's own unit instead of its minor one. No value of it has a comma or a quote.
 */
export function readable(csv: string, currency: string, t: Messages): string {
  const [head = "", ...rows] = csv.trimEnd().split("\r\n");
  const columns = head.split(",");
  const told = names(t) as Record<string, string>;
  const cell = (value: string, column: string | undefined) => {
    if (column === "cause") return t.statement.causes[value] ?? value;
    if (column?.endsWith("_at")) return localTime(value);
    return column && AMOUNTS.has(column) ? decimal(Number(value), currency) : value;
  };
  const lines = [
    columns.map((column) => told[column] ?? column),
    ...rows.map((row) => row.split(",").map((value, index) => cell(value, columns[index]))),
  ];
  return lines.map((line) => `${line.join(",")}\r\n`).join("");
}
