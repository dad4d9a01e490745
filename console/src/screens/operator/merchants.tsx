import { useState } from "preact/hooks";
import { useText } from "../../i18n/index.ts";
import { lately } from "../../lately.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { TextField } from "../../parts/field.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Page } from "../../parts/page.tsx";
import { List } from "../../parts/table.tsx";
import { go } from "../../router.ts";
import { useSession } from "../../session.ts";
import { useCertifications } from "./by_certification.tsx";
import { MerchantLinks } from "./merchant_links.tsx";

const ID = /^[\w-]{1,64}$/;

/** A merchant by its id, among those opened lately, or among those in a state of certification. */
export function Merchants() {
  const t = useText();
  const [id, setId] = useState("");
  const wrong = id !== "" && !ID.test(id);
  const opened = lately(useSession().me.subject);
  return (
    <Page title={t.nav.merchants}>
      <Card>
        <form
          class="filters"
          onSubmit={(event) => {
            event.preventDefault();
            if (ID.test(id)) go(`operator/merchants/${id}`);
          }}
        >
          <TextField
            label={t.operator.merchantId}
            value={id}
            required
            error={wrong ? t.operator.idWrong : undefined}
            onChange={(value) => setId(value.trim())}
          />
          <Button type="submit" kind="primary">
            {t.operator.lookUp}
          </Button>
        </form>
      </Card>
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
