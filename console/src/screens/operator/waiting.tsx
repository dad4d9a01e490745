import { call } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useLoad } from "../../load.ts";
import { LinkButton } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Empty, Loaded } from "../../parts/loaded.tsx";
import { Page } from "../../parts/page.tsx";
import { Table } from "../../parts/table.tsx";
import { hrefOf } from "../../router.ts";
import type { Parameters } from "../../routes.ts";
import { useColumns } from "../refunds.tsx";
import { useOverview } from "./overview.ts";

/** Of a wallet; as many are counted. */
export const MOST_SHOWN = 100;

/** A refund may wait before the first money has come in. */
const NO_WALLET_YET = [{ currency: "CNY" }];

/** The refunds that wait for a merchant's money, and why, wallet by wallet. */
export function WaitingRefunds({ id = "" }: Parameters) {
  const t = useText();
  const load = useOverview(id);
  return (
    <Page
      title={`${t.operator.waiting}: ${id}`}
      actions={<LinkButton href={hrefOf(`operator/merchants/${id}`)}>{`${t.role.merchant} ${id}`}</LinkButton>}
    >
      <Loaded load={load}>
        {({ wallets }) =>
          (wallets.length > 0 ? wallets : NO_WALLET_YET).map(({ currency }) => (
            <Card key={currency} title={`${t.nav.wallet} ${currency}`}>
              <Waiting merchant={id} currency={currency} />
            </Card>
          ))
        }
      </Loaded>
    </Page>
  );
}

export function Waiting({ merchant, currency }: { merchant: string; currency: string }) {
  const t = useText();
  const columns = useColumns();
  const load = useLoad(`waiting:${merchant}:${currency}`, (signal) =>
    call("get", "/merchants/{merchant_id}/waiting-refunds", {
      path: { merchant_id: merchant },
      query: { currency },
      signal,
    }),
  );
  return (
    <Loaded load={load}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty title={t.operator.noWaiting} />
        ) : (
          <Table caption={t.operator.waiting} columns={columns} rows={items} id={(each) => each.refund_id} />
        )
      }
    </Loaded>
  );
}
