import { call, type Schema } from "../api.ts";
import { useText } from "../i18n/index.ts";
import { NOW_AND_THEN, useFollow, useLoad } from "../load.ts";
import { Amount } from "../parts/amount.tsx";
import { LinkButton } from "../parts/button.tsx";
import { Card } from "../parts/card.tsx";
import { BalanceChart } from "../parts/charts.tsx";
import { Empty, Loaded } from "../parts/loaded.tsx";
import { Moment } from "../parts/moment.tsx";
import { Badge, Note } from "../parts/note.tsx";
import { Page } from "../parts/page.tsx";
import { Table } from "../parts/table.tsx";
import { WalletTabs } from "../parts/tabs.tsx";
import { hrefOf } from "../router.ts";
import { useRole } from "../session.ts";

type Wallet = Schema["Wallet"];

export function WalletScreen() {
  const t = useText();
  const role = useRole();
  const load = useLoad(`wallet:${role}`, (signal) => call("get", "/wallet", { query: { as: role }, signal }));
  useFollow(load, NOW_AND_THEN);
  return (
    <Page title={role === "merchant" ? t.nav.walletAndSettlement : t.nav.wallet}>
      <WalletTabs />
      <Loaded load={load}>
        {({ wallets }) =>
          wallets.length === 0 ? (
            <Card>
              <Empty title={t.wallet.empty} text={t.wallet.emptyText} />
            </Card>
          ) : (
            wallets.map((wallet) => <WalletCard key={wallet.currency} wallet={wallet} />)
          )
        }
      </Loaded>
    </Page>
  );
}

function WalletCard({ wallet }: { wallet: Wallet }) {
  const t = useText();
  const role = useRole();
  const { currency } = wallet;
  const lines = useLoad(`lines:${role}:${currency}`, (signal) =>
    call("get", "/wallet/statement", { query: { as: role, currency, limit: "100" }, signal }),
  );
  useFollow(lines, NOW_AND_THEN);
  const statement = hrefOf(`${role}/statement?currency=${currency}`);
  return (
    <Card
      title={`${t.nav.wallet} ${currency}`}
      actions={<LinkButton href={statement}>{t.wallet.statement}</LinkButton>}
    >
      {wallet.frozen && <Note tone="warn" title={t.wallet.frozenText} />}
      <dl class="figures">
        <Figure name={t.wallet.available} amount={wallet.available} currency={currency} main>
          {wallet.frozen && <Badge tone="warn">{t.wallet.frozen}</Badge>}
        </Figure>
        {role === "merchant" && <Sources wallet={wallet} />}
      </dl>
      {role === "merchant" && <p class="hint">{t.wallet.order}</p>}
      <h3>{t.wallet.overTime}</h3>
      <Loaded load={lines}>
        {({ items }) =>
          items.length > 0 ? (
            <>
              {items.length > 1 && <BalanceChart lines={items} currency={currency} />}
              <details open={items.length === 1}>
                <summary>{t.wallet.asTable}</summary>
                <Table
                  caption={t.wallet.overTime}
                  rows={items}
                  id={({ number }) => String(number)}
                  columns={[
                    { name: t.statement.time, cell: ({ booked_at }) => <Moment at={booked_at} /> },
                    {
                      name: t.wallet.available,
                      right: true,
                      cell: ({ available }) => <Amount amount={available} currency={currency} />,
                    },
                  ]}
                />
              </details>
            </>
          ) : (
            <p class="hint">{t.statement.empty}</p>
          )
        }
      </Loaded>
    </Card>
  );
}

function Sources({ wallet }: { wallet: Wallet }) {
  const t = useText();
  const { currency } = wallet;
  return (
    <>
      <Figure name={t.wallet.deposit} amount={wallet.deposit} currency={currency}>
        {wallet.deposit < wallet.deposit_required && <Badge tone="warn">{t.wallet.depositShort}</Badge>}
      </Figure>
      <Figure name={t.wallet.depositRequired} amount={wallet.deposit_required} currency={currency} />
      <Figure name={t.wallet.owed} amount={wallet.owed} currency={currency} />
      <Figure name={t.wallet.guaranteeLeft} amount={wallet.guarantee_left} currency={currency} />
    </>
  );
}

interface FigureProps {
  name: string;
  amount: number;
  currency: string;
  main?: boolean;
  children?: preact.ComponentChildren;
}

export function Figure({ name, amount, currency, main, children }: FigureProps) {
  return (
    <div class={main ? "figure main" : "figure"}>
      <dt>{name}</dt>
      <dd>
        <Amount amount={amount} currency={currency} /> {children}
      </dd>
    </div>
  );
}
