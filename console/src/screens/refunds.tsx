import { useState } from "preact/hooks";
import { call, type Schema } from "../api.ts";
import { useText } from "../i18n/index.ts";
import { NOW_AND_THEN, usePages } from "../load.ts";
import { Amount } from "../parts/amount.tsx";
import { Card } from "../parts/card.tsx";
import { RefundsByDay } from "../parts/charts.tsx";
import { SelectField } from "../parts/field.tsx";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { List, type Column } from "../parts/table.tsx";
import { RefundStatus, Waits } from "../parts/timeline.tsx";
import { hrefOf } from "../router.ts";
import { useRole, useSession } from "../session.ts";

type Refund = Schema["RefundView"];
type Status = Schema["RefundStatus"];

export function Refunds() {
  const t = useText();
  const role = useRole();
  const [status, setStatus] = useState<Status | "">("");
  const pages = usePages<Refund>(`refunds:${role}:${status}`, (cursor, signal) =>
    call("get", "/refunds", {
      query: { as: role, status: status || null, cursor: cursor ?? null, limit: "50" },
      ...(signal && { signal }),
    }),
    // More are asked for at any time; one that is being paid ends within seconds.
    { ...NOW_AND_THEN, waits: (refunds) => !refunds.some(({ status }) => status === "pending") },
  );
  return (
    <Page title={t.nav.refunds}>
      {role === "merchant" && (
        <Card title={t.refunds.byDay}>
          <RefundsByDay />
        </Card>
      )}
      <Card>
        <div class="filters">
          <SelectField
            label={t.refunds.filter}
            value={status}
            choices={{ "": t.all, ...t.refunds.states }}
            onChange={(value) => setStatus(value as Status | "")}
          />
        </div>
        <List
          caption={t.nav.refunds}
          columns={useColumns()}
          pages={pages}
          id={(refund) => refund.refund_id}
          empty={t.refunds.empty}
          emptyText={t.refunds.emptyText}
        />
      </Card>
    </Page>
  );
}

export function useColumns(): Column<Refund>[] {
  const t = useText();
  const { acting } = useSession();
  return [
    {
      name: t.refunds.id,
      cell: ({ refund_id }) => (
        <a href={hrefOf(`${acting}/refunds/${refund_id}`)}>
          <code>{refund_id}</code>
        </a>
      ),
    },
    { name: t.orders.id, cell: ({ order_id }) => <code>{order_id}</code> },
    {
      name: t.refunds.amount,
      right: true,
      cell: ({ amount, currency }) => <Amount amount={amount} currency={currency} />,
    },
    {
      name: t.refunds.status,
      cell: (refund) => (
        <>
          <RefundStatus status={refund.status} />
          <Waits refund={refund} />
        </>
      ),
    },
    {
      name: t.refunds.requestedAt,
      cell: ({ timeline }) => timeline[0] && <Moment at={timeline[0].at} />,
    },
    { name: t.refunds.reason, cell: ({ reason }) => reason ?? "–" },
  ];
}
