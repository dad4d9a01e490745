import { useState } from "preact/hooks";
import type { Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Decide } from "../../parts/decide.tsx";
import { Facts } from "../../parts/facts.tsx";
import { TextField } from "../../parts/field.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Page } from "../../parts/page.tsx";
import type { Parameters } from "../../routes.ts";
import { CertificationStatus } from "../merchant/certification.tsx";
import { choicesOf, decisionOn } from "./certifications.tsx";
import { Limits, OperatedWallet } from "./operated_wallet.tsx";
import { useOverview } from "./overview.ts";

type Overview = Schema["MerchantOverview"];

/** One merchant, as an operator sees and steers it. */
export function Merchant({ id = "" }: Parameters) {
  const t = useText();
  const load = useOverview(id);
  return (
    <Page title={`${t.role.merchant} ${id}`}>
      <Loaded load={load}>
        {(overview) => (
          <>
            <Standing overview={overview} onChanged={load.reload} />
            {overview.wallets.map((wallet) => (
              <OperatedWallet key={wallet.currency} merchant={id} wallet={wallet} onChanged={load.reload} />
            ))}
            {overview.wallets.length === 0 && <NoWallet merchant={id} onChanged={load.reload} />}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Standing({ overview, onChanged }: { overview: Overview; onChanged: () => void }) {
  const t = useText();
  const [deciding, setDeciding] = useState(false);
  const choices = choicesOf(overview.certification, t);
  const causes = overview.suspension_causes.map((each) => t.certification.causes[each] ?? each);
  return (
    <Card
      title={t.nav.certification}
      actions={
        Object.keys(choices).length > 0 && (
          <Button onClick={() => setDeciding(true)}>
            {decisionOn(overview.certification, t)}
          </Button>
        )
      }
    >
      <p>
        {overview.certification ? (
          <CertificationStatus status={overview.certification} />
        ) : (
          t.certification.states.none
        )}
      </p>
      <Facts
        items={[
          [t.certification.suspendedSince, overview.suspended_since && <Moment at={overview.suspended_since} />],
          [t.certification.causesLabel, causes.length > 0 ? causes.join(", ") : null],
        ]}
      />
      {deciding && (
        <Decide
          title={decisionOn(overview.certification, t)}
          merchant={overview.merchant_id}
          choices={choices}
          onDecided={() => {
            setDeciding(false);
            onChanged();
          }}
          onClose={() => setDeciding(false)}
        />
      )}
    </Card>
  );
}

function NoWallet({ merchant, onChanged }: { merchant: string; onChanged: () => void }) {
  const t = useText();
  const [currency, setCurrency] = useState("CNY");
  return (
    <Card title={t.operator.openWallet}>
      <p class="hint">{t.operator.noWallet}</p>
      <TextField
        label={t.wallet.currency}
        value={currency}
        onChange={(value) => setCurrency(value.trim().toUpperCase())}
      />
      {/^[A-Z]{3}$/.test(currency) && (
        <Limits key={currency} merchant={merchant} currency={currency} required={0} onChanged={onChanged} />
      )}
    </Card>
  );
}
