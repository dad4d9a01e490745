import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useLoad } from "../../load.ts";
import { Card } from "../../parts/card.tsx";
import { Facts } from "../../parts/facts.tsx";
import { Empty, Loaded } from "../../parts/loaded.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { Table } from "../../parts/table.tsx";
import { Problem } from "../../problems.ts";

type Report = Schema["Report"];

async function newest(signal: AbortSignal): Promise<{ report: Report | null }> {
  try {
    return { report: await call("get", "/reconciliation", { signal }) };
  } catch (error) {
    if (error instanceof Problem && error.code === "report_not_found") return { report: null };
    throw error;
  }
}

export function Reconciliation() {
  const t = useText();
  const load = useLoad("reconciliation", newest);
  return (
    <Page title={t.nav.reconciliation}>
      <Card>
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
  return (
    <>
      {report.differences === 0 ? (
        <Note tone="good" title={words.noDifferences} />
      ) : (
        <Note tone="bad" title={`${words.differences}: ${report.differences}`} />
      )}
      <Facts
        items={[
          [words.run, <code>{report.run_id}</code>],
          [words.beganAt, <Moment at={report.began_at} />],
          [words.endedAt, report.ended_at ? <Moment at={report.ended_at} /> : words.underWay],
          [words.lookedAt, new Intl.NumberFormat(t.language).format(report.looked_at)],
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
    </>
  );
}
