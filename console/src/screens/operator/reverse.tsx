import { useState } from "preact/hooks";
import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useAction } from "../../load.ts";
import { Amount } from "../../parts/amount.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { RefundFacts, useRefund } from "../refund.tsx";

/** What would be taken back, from whom. */
function Reversed({ id }: { id: string }) {
  const load = useRefund(id);
  return (
    <>
      <p>
        <code>{id}</code>
      </p>
      <Loaded load={load}>{(refund) => <RefundFacts refund={refund} />}</Loaded>
    </>
  );
}

/** Takes a refund back, after a dispute. */
export function Reverse() {
  const t = useText();
  const words = t.operator;
  const [id, setId] = useState(new URLSearchParams(location.search).get("refund") ?? "");
  const [reason, setReason] = useState("");
  const [asking, setAsking] = useState(false);
  const [reversal, setReversal] = useState<Schema["Reversal"] | null>(null);
  const reverse = useAction(async () => {
    const given = { path: { refund_id: id }, body: { reason } };
    setReversal(await call("post", "/refunds/{refund_id}/reversal", given));
    setAsking(false);
    setId("");
    setReason("");
  });
  return (
    <Page title={t.nav.reversal} lead={words.reversalLead}>
      {reversal && (
        <Note tone="good" live title={words.reversed}>
          <p>
            <code>{reversal.refund_id}</code> <Amount amount={reversal.amount} currency={reversal.currency} />
          </p>
        </Note>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setAsking(true);
        }}
      >
        <Card>
          <TextField label={words.refundId} value={id} required onChange={(value) => setId(value.trim())} />
          <TextField
            label={words.reason}
            value={reason}
            lines={3}
            required
            maxLength={2000}
            onChange={setReason}
          />
          <div class="form-end">
            <Button type="submit" kind="primary">
              {words.reverse}
            </Button>
          </div>
        </Card>
      </form>
      {asking && (
        <Dialog
          title={words.reverseSure}
          confirm={words.reverse}
          kind="danger"
          busy={reverse.busy}
          problem={reverse.problem}
          onConfirm={() => void reverse.run()}
          onClose={() => {
            setAsking(false);
            reverse.clear();
          }}
        >
          <Reversed id={id} />
        </Dialog>
      )}
    </Page>
  );
}
