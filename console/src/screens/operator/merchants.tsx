import { useText } from "../../i18n/index.ts";
import { lately } from "../../lately.ts";
import { Card } from "../../parts/card.tsx";
import { LookUp } from "../../parts/look_up.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Page } from "../../parts/page.tsx";
import { List } from "../../parts/table.tsx";
import { useSession } from "../../session.ts";
import { useCertifications } from "./by_certification.tsx";
import { MerchantLinks } from "./merchant_links.tsx";

/** A merchant by its id, among those opened lately, or among those in a state of certification. */
export function Merchants() {
  const t = useText();
  const opened = lately(useSession().me.subject);
  return (
    <Page title={t.nav.merchants}>
      <LookUp label={t.operator.merchantId} path="operator/merchants" />
      {opened.length > 0 && (
        <Card title={t.operator.lately}>
          <ul class="plain-list">
            {opened.map((each) => (
              <li key={each}>
                <MerchantLinks id={each} />
              </li>
            ))}
          </ul>
        </Card>
      )}
      <ByCertification />
    </Page>
  );
}

function ByCertification() {
  const t = useText();
  const { pages, filter } = useCertifications("merchants", "certified");
  return (
    <Card title={t.operator.byCertification}>
      {filter}
      <List
        caption={t.operator.byCertification}
        columns={[
          { name: t.operator.merchantId, cell: ({ merchant_id }) => <MerchantLinks id={merchant_id} /> },
          { name: t.operator.company, cell: ({ application }) => application.company_name },
          { name: t.certification.decidedAt, cell: ({ decided_at }) => decided_at && <Moment at={decided_at} /> },
        ]}
        pages={pages}
        id={({ merchant_id }) => merchant_id}
        empty={t.operator.noCertifications}
      />
    </Card>
  );
}
