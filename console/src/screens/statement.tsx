import { useState } from "preact/hooks";
import { call, download, type Schema } from "../api.ts";
import { useText } from "../i18n/index.ts";
import { useAction, useLoad, usePages } from "../load.ts";
import { Amount } from "../parts/amount.tsx";
import { Button } from "../parts/button.tsx";
import { Card } from "../parts/card.tsx";
import { BalanceChart } from "../parts/charts.tsx";
import { SelectField, TextField } from "../parts/field.tsx";
import { Empty, Loaded } from "../parts/loaded.tsx";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { List, Table, type Column } from "../parts/table.tsx";
import { WalletTabs } from "../parts/tabs.tsx";
import { hrefOf } from "../router.ts";
import { usePartyId, useRole } from "../session.ts";
import { readable } from "../statement_file.ts";
import { formatMonth, startOfDay } from "../time.ts";

type Line = Schema["StatementLine"];

interface Range {
  from: string;
  to: string;
}

export function StatementScreen() {
  const t = useText();
  const role = useRole();
  const wallets = useLoad(`wallet:${role}`, (signal) => call("get", "/wallet", { query: { as: role }, signal }));
  const [chosen, setChosen] = useState(new URLSearchParams(location.search).get("currency") ?? "");
  return (
    <Page title={role === "merchant" ? t.nav.walletAndSettlement : t.nav.wallet}>
      <WalletTabs />
      <Loaded load={wallets}>
        {(data) => {
          const currencies = data.wallets.map((wallet) => wallet.currency);
          const currency = currencies.includes(chosen) ? chosen : currencies[0];
          if (!currency) {
            return (
              <Card>
                <Empty title={t.wallet.empty} text={t.wallet.emptyText} />
              </Card>
            );
          }
          return (
            <>
              {currencies.length > 1 && (
                <SelectField
                  label={t.wallet.currency}
                  value={currency}
                  choices={Object.fromEntries(currencies.map((each) => [each, each]))}
                  onChange={setChosen}
                />
              )}
              <Lines key={currency} currency={currency} />
              <Months key={`months ${currency}`} currency={currency} />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function Lines({ currency }: { currency: string }) {
  const t = useText();
  const words = t.statement;
  const role = useRole();
  const id = usePartyId();
  const [typed, setTyped] = useState<Range>({ from: "", to: "" });
  const [range, setRange] = useState<Range>(typed);
  const wrong = typed.from !== "" && typed.to !== "" && typed.from > typed.to;
  const queryOf = ({ from, to }: Range) => ({
    as: role,
    currency,
    from: from ? startOfDay(from) : null,
    to: to ? startOfDay(to, 1) : null,
  });
  const query = queryOf(range);
  const pages = usePages<Line>(JSON.stringify(query), (cursor, signal) =>
    call("get", "/wallet/statement", {
      query: { ...query, cursor: cursor ?? null, limit: "50" },
      ...(signal && { signal }),
    }),
  );
  const csv = useAction(async () => {
    setRange(typed);
    const text = await download("/wallet/statement.csv", queryOf(typed));
    saveAs(readable(text, currency, t), fileOf(id, currency, typed));
  });
  return (
    <Card
      title={t.nav.statement}
      actions={
        <Button busy={csv.busy} disabled={wrong} onClick={() => void csv.run()}>
          {words.csv}
        </Button>
      }
    >
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          if (!wrong) setRange(typed);
        }}
      >
        <TextField
          type="date"
          label={words.from}
          value={typed.from}
          error={wrong ? words.rangeWrong : undefined}
          onChange={(from) => setTyped({ ...typed, from })}
        />
        <TextField type="date" label={words.to} value={typed.to} onChange={(to) => setTyped({ ...typed, to })} />
        <Button type="submit" kind="primary" disabled={wrong}>
          {words.show}
        </Button>
      </form>
      <ProblemNote problem={csv.problem} />
      {pages.data && <BalanceChart lines={pages.data} currency={currency} />}
      <List
        caption={t.nav.statement}
        columns={useColumns(currency)}
        pages={pages}
        id={(line) => String(line.number)}
        empty={words.empty}
      />
    </Card>
  );
}

function useColumns(currency: string): Column<Line>[] {
  const t = useText();
  const words = t.statement;
  const merchant = useRole() === "merchant";
  const money = (name: string, of: (line: Line) => number, signed = true): Column<Line> => ({
    name,
    right: true,
    cell: (line) => <Amount amount={of(line)} currency={currency} signed={signed} />,
  });
  return [
    { name: words.number, right: true, cell: (line) => line.number },
    { name: words.time, cell: (line) => <Moment at={line.booked_at} /> },
    { name: words.cause, cell: (line) => words.causes[line.cause] ?? line.cause },
    money(words.change, (line) => line.available_change),
    money(t.wallet.available, (line) => line.available, false),
    ...(merchant
      ? [
          money(words.depositChange, (line) => line.deposit_change),
          money(words.owedChange, (line) => line.owed_change),
        ]
      : []),
    { name: words.reference, cell: (line) => <Reference line={line} /> },
  ];
}

/** A refund's posting is the refund itself. */
function Reference({ line: { cause, posting_id } }: { line: Line }) {
  const role = useRole();
  const id = <code>{posting_id}</code>;
  return cause === "refund" ? <a href={hrefOf(`${role}/refunds/${posting_id}`)}>{id}</a> : id;
}

function Months({ currency }: { currency: string }) {
  const t = useText();
  const role = useRole();
  const months = useLoad(`months:${role}:${currency}`, (signal) =>
    call("get", "/wallet/statement/months", { query: { as: role, currency }, signal }),
  );
  return (
    <Card title={t.statement.months}>
      <Loaded load={months}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t.statement.empty} />
          ) : (
            <Table
              caption={t.statement.months}
              rows={items}
              id={(month) => month.month}
              columns={[
                { name: t.statement.month, cell: (month) => formatMonth(month.month, t.language) },
                { name: t.statement.entries, right: true, cell: (month) => month.entries },
                {
                  name: t.statement.credited,
                  right: true,
                  cell: (month) => <Amount amount={month.credited} currency={currency} />,
                },
                {
                  name: t.statement.debited,
                  right: true,
                  cell: (month) => <Amount amount={month.debited} currency={currency} />,
                },
              ]}
            />
          )
        }
      </Loaded>
    </Card>
  );
}

/** Whose it is, and of which days: `statement-m1-CNY-2026-11-01-2026-11-30.csv`. */
function fileOf(owner: string | null, currency: string, { from, to }: Range): string {
  return `${["statement", owner, currency, from, to].filter(Boolean).join("-")}.csv`;
}

function saveAs(text: string, name: string): void {
  // A byte-order mark, by which spreadsheets know UTF-8.
  const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
