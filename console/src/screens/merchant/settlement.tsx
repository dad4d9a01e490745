import { useState } from "preact/hooks";
import { announce } from "../../announce.ts";
import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useLoad } from "../../load.ts";
import { Card } from "../../parts/card.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Badge, Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { Steps } from "../../parts/steps.tsx";
import { WalletTabs } from "../../parts/tabs.tsx";
import { certification } from "./certified.ts";
import { PolicyForm } from "./policy_form.tsx";
import { PolicyReview } from "./policy_review.tsx";
import { Terms, useHolds } from "./policy_terms.tsx";

type Policy = Schema["RefundPolicy"];

/** 结算设置: written, reviewed, confirmed once, and then only read. */
export function Settlement() {
  const t = useText();
  const policy = useLoad("refund-policy", (signal) => call("get", "/refund-policy", { signal }));
  const ready = useLoad("ready", async (signal) => {
    const [shop, certified] = await Promise.all([call("get", "/shop", { signal }), certification(signal)]);
    return { shop: shop.complete, certified: certified?.status === "certified" };
  });
  const [reviewed, setReviewed] = useState<Policy | null>(null);
  const [elsewhere, setElsewhere] = useState(false);

  const confirmedElsewhere = () => {
    setElsewhere(true);
    setReviewed(null);
    policy.reload();
  };
  const step = policy.data?.status === "confirmed" ? 3 : reviewed ? 1 : 0;
  return (
    <Page title={t.nav.walletAndSettlement}>
      <WalletTabs />
      <Card title={t.nav.settlement}>
        <Steps
          label={t.nav.settlement}
          names={[t.settlement.stepEdit, t.settlement.stepReview, t.settlement.stepDone]}
          at={step}
        />
        <Loaded load={policy}>
          {(current) => {
            if (current.status === "confirmed") {
              return <Confirmed policy={current} elsewhere={elsewhere} />;
            }
            if (reviewed) {
              return (
                <PolicyReview
                  reviewed={reviewed}
                  ready={ready}
                  onReview={setReviewed}
                  onEdit={(draft) => {
                    setReviewed(null);
                    policy.put(draft);
                    policy.reload();
                  }}
                  onConfirmed={(confirmed) => {
                    policy.put(confirmed);
                    announce(t.settlement.confirmed);
                  }}
                  onElsewhere={confirmedElsewhere}
                />
              );
            }
            return (
              <PolicyForm
                saved={current}
                onSaved={policy.put}
                onReview={setReviewed}
                onElsewhere={confirmedElsewhere}
              />
            );
          }}
        </Loaded>
      </Card>
    </Page>
  );
}

function Confirmed({ policy, elsewhere }: { policy: Policy; elsewhere: boolean }) {
  const t = useText();
  const holds = useHolds(policy);
  return (
    <>
      {elsewhere && <Note tone="info" live title={t.settlement.elsewhere} />}
      <Note tone="good" title={t.settlement.confirmed}>
        <p>{t.settlement.confirmedLead}</p>
        {policy.confirmed_at && (
          <p>
            {t.settlement.since}: <Moment at={policy.confirmed_at} />
          </p>
        )}
      </Note>
      <p>
        {t.settlement.switch}: <Badge tone="good">{t.settlement.on}</Badge>
      </p>
      <Terms policy={policy} holds={holds} />
    </>
  );
}
