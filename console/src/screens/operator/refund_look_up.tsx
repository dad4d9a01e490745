import { useText } from "../../i18n/index.ts";
import { LookUp } from "../../parts/look_up.tsx";
import { Page } from "../../parts/page.tsx";

/** Any refund by its id, as both sides name it in a dispute. */
export function RefundLookUp() {
  const t = useText();
  return (
    <Page title={t.nav.refundLookUp}>
      <LookUp label={t.operator.refundId} path="operator/refunds" />
    </Page>
  );
}
