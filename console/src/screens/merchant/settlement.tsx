import { useEffect, useState } from "preact/hooks";
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
import { go } from "../../router.ts";
import { certification } from "./certified.ts";
import { PolicyForm } from "./policy_form.tsx";
import { PolicyReview } from "./policy_review.tsx";
import { Terms, useHolds } from "./policy_terms.tsx";

type Policy = Schema["RefundPolicy"];

/** 结算设置: written, reviewed, confirmed once, and then only read. */
export function Settlement() {
  return <SettlementPage review={false} />;
}

/** The same, with what is saved up for review. */
export function SettlementReview() {
  return <SettlementPage review />;
}

const WRITE = "merchant/settlement";
const REVIEW = `${WRITE}/review`;

function SettlementPage({ review }: { review: boolean }) {
  const t = useText();
  const policy = useLoad("refund-policy", (signal) => call("get", "/refund-policy", { signal }));
  const ready = useLoad("ready", async (signal) => {
    const [shop, certified] = await Promise.all([call("get", "/shop", { signal }), certification(signal)]);
    return { shop: shop.complete, certified: certified?.status === "certified" };
  });
  const [elsewhere, setElsewhere] = useState(false);
  const confirmedElsewhere = () => {
    setElsewhere(true);
    policy.reload();
  };
  const status = policy.data?.status;
  useEffect(() => {
    if (review && status === "none") go(WRITE, true);
  }, [review, status]);
  const step = status === "confirmed" ? 3 : review ? 1 : 0;
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
            if (review) {
              return (
                <PolicyReview
                  reviewed={current}
                  ready={ready}
                  onReview={policy.put}
                  onEdit={() => go(WRITE)}
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
                onReview={() => go(REVIEW)}
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
