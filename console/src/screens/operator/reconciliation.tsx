import { useEffect, useRef } from "preact/hooks";
import { call, wait, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useAction, useLoad } from "../../load.ts";
import { Amount } from "../../parts/amount.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Facts } from "../../parts/facts.tsx";
import { Empty, Loaded } from "../../parts/loaded.tsx";
import { Moment, useRemaining } from "../../parts/moment.tsx";
import { Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { Table } from "../../parts/table.tsx";
import { Problem } from "../../problems.ts";

type Report = Schema["Report"];

/** The line that tells what a currency's accounts add up to: zero. */
const SUM = "sum";
/** Whether it is time to look again the API says, not this device's clock. */
const LOOKS_AGAIN_MS = 5_000;

async function newest(signal: AbortSignal): Promise<{ report: Report | null }> {
  try {
    return { report: await call("get", "/reconciliation", { signal }) };
  } catch (error) {
    if (error instanceof Problem && error.code === "report_not_found") return { report: null };
    throw error;
  }
}

/** The newest report, and a run of one's own: it goes on by call after call until it has ended. */
export function Reconciliation() {
  const t = useText();
  const load = useLoad("reconciliation", newest);
  const shown = useRef(true);
  useEffect(
    () => () => {
      shown.current = false;
    },
    [],
  );
  const run = useAction(async () => {
    let report: Report;
    do {
      report = await call("post", "/reconciliation");
      load.put({ report });
      if (report.looks_again_at) await wait(LOOKS_AGAIN_MS);
    } while (!report.ended_at && shown.current);
  });
  return (
    <Page
      title={t.nav.reconciliation}
      actions={
        <Button kind="primary" busy={run.busy} onClick={() => void run.run()}>
          {t.operator.runNow}
        </Button>
      }
    >
      <Card>
        <ProblemNote problem={run.problem} />
        <Loaded load={load}>
          {({ report }) => (report ? <ReportOf report={report} /> : <Empty title={t.operator.noReport} />)}
        </Loaded>
      </Card>
    </Page>
  );
}

function ReportOf({ report }: { report: Report }) {
  const t = useText();
  const words = t.operator;
  const number = (value: number) => new Intl.NumberFormat(t.language).format(value);
  return (
    <>
      <div role="status">
        <Verdict report={report} />
      </div>
      <Facts
        items={[
          [words.run, <code>{report.run_id}</code>],
          [words.beganAt, <Moment at={report.began_at} />],
          [words.endedAt, report.ended_at ? <Moment at={report.ended_at} /> : words.underWay],
          [words.lookedAt, number(report.looked_at)],
          [words.filled, number(report.filled)],
          [words.moving, number(report.moving)],
          [words.unsettled, number(report.unsettled)],
        ]}
      />
      {report.named.length > 0 && (
        <Table
          caption={words.differences}
          rows={report.named}
          id={(each) => `${each.kind}${each.subject}`}
          columns={[
            { name: words.kind, cell: (each) => words.kinds[each.kind] ?? each.kind },
            { name: words.subject, cell: (each) => <code>{each.subject}</code> },
            { name: words.expected, right: true, cell: (each) => each.expected },
            { name: words.found, right: true, cell: (each) => each.found },
          ]}
        />
      )}
      <Totals report={report} />
    </>
  );
}

function Verdict({ report }: { report: Report }) {
  const t = useText();
  const left = useRemaining(report.looks_again_at ?? null);
  if (report.differences > 0) {
    return <Note tone="bad" title={`${t.operator.differences}: ${report.differences}`} />;
  }
  if (report.ended_at) {
    return (
      <Note tone={report.moving + report.unsettled ? "warn" : "good"} title={t.operator.noDifferences} />
    );
  }
  return (
    <Note tone="info" title={t.operator.underWay}>
      {left && <p>{t.operator.looksAgain(left)}</p>}
    </Note>
  );
}

/** What each kind of account holds, by currency: each sums to zero. */
function Totals({ report }: { report: Report }) {
  const t = useText();
  const rows = Object.entries(report.totals ?? {}).flatMap(([currency, accounts]) => {
    const kinds = Object.entries(accounts).map(([account, amount]) => ({ currency, account, amount }));
    const sum = kinds.reduce((total, { amount }) => total + amount, 0);
    return [...kinds, { currency, account: SUM, amount: sum }];
  });
  if (rows.length === 0) return null;
  return (
    <>
      <h2>{t.operator.totals}</h2>
      <Table
        caption={t.operator.totals}
        rows={rows}
        id={({ currency, account }) => currency + account}
        columns={[
          {
            name: t.operator.account,
            cell: ({ account }) =>
              account === SUM ? <strong>{t.operator.sum}</strong> : (t.operator.accounts[account] ?? account),
          },
          {
            name: t.operator.amount,
            right: true,
            cell: ({ currency, amount }) => <Amount amount={amount} currency={currency} />,
          },
        ]}
      />
    </>
  );
}
