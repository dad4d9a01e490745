import { call, type Schema } from "../api.ts";
import { useText } from "../i18n/index.ts";
import { NOW_AND_THEN, usePages } from "../load.ts";
import { Amount } from "../parts/amount.tsx";
import { LinkButton } from "../parts/button.tsx";
import { Card } from "../parts/card.tsx";
import { Moment, useRemaining } from "../parts/moment.tsx";
import { Badge } from "../parts/note.tsx";
import { Page } from "../parts/page.tsx";
import { List, type Column } from "../parts/table.tsx";
import { hrefOf } from "../router.ts";
import { useRole } from "../session.ts";

export type Order = Schema["OrderView"];

export function Orders() {
  const t = useText();
  const role = useRole();
  const pages = usePages<Order>(
    `orders:${role}`,
    (cursor, signal) =>
      call("get", "/orders", { query: { as: role, cursor: cursor ?? null }, ...(signal && { signal }) }),
    NOW_AND_THEN,
  );
  const buyer = role === "buyer";
  const columns: Column<Order>[] = [
    { name: t.orders.id, cell: (order) => <code>{order.order_id}</code> },
    buyer
      ? { name: t.role.merchant, cell: (order) => order.merchant_id }
      : { name: t.role.buyer, cell: (order) => order.buyer_id },
    { name: t.orders.placedAt, cell: (order) => <Moment at={order.placed_at} /> },
    {
      name: t.orders.completedAt,
      cell: ({ completed_at }) => (completed_at ? <Moment at={completed_at} /> : t.orders.notCompleted),
    },
    { name: t.orders.paid, right: true, cell: ({ amount, currency }) => <Amount amount={amount} currency={currency} /> },
    {
      name: t.orders.refundable,
      right: true,
      cell: ({ refundable, currency }) => <Amount amount={refundable} currency={currency} />,
    },
    { name: t.orders.until, cell: (order) => <Window order={order} /> },
  ];
  if (buyer) {
    columns.push({
      name: t.orders.action,
      cell: (order) => (
        <LinkButton href={hrefOf(`buyer/orders/${order.order_id}`)} kind={refundable(order) ? "primary" : "plain"}>
          {refundable(order) ? t.orders.refund : t.view}
          <span class="unseen"> {order.order_id}</span>
        </LinkButton>
      ),
    });
  }
  return (
    <Page title={t.nav.orders}>
      <Card>
        <List
          caption={t.nav.orders}
          columns={columns}
          pages={pages}
          id={(order) => order.order_id}
          empty={t.orders.empty}
          emptyText={t.orders.emptyText}
        />
      </Card>
    </Page>
  );
}

export function refundable(order: Order): boolean {
  const open = order.window_closes_at !== null && Date.parse(order.window_closes_at) >= Date.now();
  return open && order.refundable > 0 && order.coverage.uncovered === null;
}

/** Until when a refund may be asked for, counted down; or why none may be. */
export function Window({ order }: { order: Order }) {
  const t = useText();
  const left = useRemaining(order.window_closes_at);
  if (order.coverage.uncovered) {
    return <Badge tone="plain">{t.orders.uncovered[order.coverage.uncovered]}</Badge>;
  }
  if (!order.window_closes_at) return <>{t.orders.notCompleted}</>;
  if (!left) return <Badge tone="plain">{t.orders.closed}</Badge>;
  if (order.refundable === 0) return <Badge tone="plain">{t.orders.nothingLeft}</Badge>;
  return (
    <>
      <Moment at={order.window_closes_at} />
      <br />
      <span class="hint">{t.orders.left(left)}</span>
    </>
  );
}
