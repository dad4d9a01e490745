import { useState } from "preact/hooks";
import type { Schema } from "../../api.ts";
import { useText, type Messages } from "../../i18n/index.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Decide } from "../../parts/decide.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Page } from "../../parts/page.tsx";
import { List, type Column } from "../../parts/table.tsx";
import { ApplicationFacts, CertificationStatus } from "../merchant/certification.tsx";
import { useCertifications, type Certification, type Status } from "./by_certification.tsx";
import { MerchantLinks } from "./merchant_links.tsx";

/** Merchants by the state of their certification, and the decision on each. */
export function Certifications() {
  const t = useText();
  const [deciding, setDeciding] = useState<Certification | null>(null);
  const { pages, filter } = useCertifications("certifications", "submitted");
  const columns: Column<Certification>[] = [
    {
      name: t.operator.merchantId,
      cell: ({ merchant_id }) => <MerchantLinks id={merchant_id} />,
    },
    { name: t.operator.company, cell: (each) => <ApplicationFacts application={each.application} /> },
    {
      name: t.operator.status,
      cell: (each) => (
        <>
          <CertificationStatus status={each.status} />
          <p class="hint">{each.reason}</p>
        </>
      ),
    },
    { name: t.certification.submittedAt, cell: (each) => <Moment at={each.submitted_at} /> },
    {
      name: t.orders.action,
      cell: (each) =>
        each.status !== "refused" && (
          <Button
            kind={each.status === "submitted" ? "primary" : "plain"}
            label={`${decisionOn(each.status, t)} ${each.merchant_id}`}
            onClick={() => setDeciding(each)}
          >
            {decisionOn(each.status, t)}
          </Button>
        ),
    },
  ];
  return (
    <Page title={t.nav.certifications}>
      <Card>
        {filter}
        <List
          caption={t.nav.certifications}
          columns={columns}
          pages={pages}
          id={(each) => each.merchant_id}
          empty={t.operator.noCertifications}
        />
      </Card>
      {deciding && (
        <Decide
          title={decisionOn(deciding.status, t)}
          merchant={deciding.merchant_id}
          choices={choicesOf(deciding.status, t)}
          onDecided={() => {
            setDeciding(null);
            pages.reload();
          }}
          onClose={() => setDeciding(null)}
        />
      )}
    </Page>
  );
}

/** What deciding on a certification in this state is called. */
export function decisionOn(status: Status | null, t: Messages): string {
  return status === "submitted" ? t.operator.decide : t.operator.change;
}

/** The steps that leave a state, as docs/api.md has them. */
export function choicesOf(
  status: Status | null,
  t: Messages,
): Partial<Record<Schema["Verdict"], string>> {
  const { certified, refused, suspended, lift } = t.operator.decisions;
  if (status === "submitted") return { certified, refused };
  if (status === "certified") return { suspended };
  if (status === "suspended") return { certified: lift, suspended };
  return {};
}
