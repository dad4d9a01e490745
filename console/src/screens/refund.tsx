import { useEffect, useRef, useState } from "preact/hooks";
import { announce } from "../announce.ts";
import { call, type Schema } from "../api.ts";
import { useText } from "../i18n/index.ts";
import { useAction, useFollow, useLoad, type Load } from "../load.ts";
import { Amount } from "../parts/amount.tsx";
import { Button, LinkButton } from "../parts/button.tsx";
import { Card } from "../parts/card.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Facts } from "../parts/facts.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { isOpen, RefundStatus, Sources, Timeline } from "../parts/timeline.tsx";
import { hrefOf } from "../router.ts";
import type { Parameters } from "../routes.ts";
import { useSession } from "../session.ts";

type Refund = Schema["RefundView"];

/** A refund, as who is signed in may see it. */
export function useRefund(id: string): Load<Refund> {
  const { acting } = useSession();
  return useLoad(`refund:${id}`, (signal) =>
    call("get", "/refunds/{refund_id}", { path: { refund_id: id }, query: { as: acting }, signal }),
  );
}

/** One refund, followed until it is final. */
export function RefundScreen({ id = "" }: Parameters) {
  const t = useText();
  const { acting } = useSession();
  const load = useRefund(id);
  useFollow(load, {
    done: (refund) => !isOpen(refund),
    waits: (refund) => refund.status === "awaiting_funds",
  });
  useAnnounced(load.data);
  return (
    <Page title={`${t.refunds.id} ${id}`}>
      <Loaded load={load}>
        {(refund) => (
          <div class="columns">
            <Card
              title={t.refunds.timeline}
              actions={
                <>
                  {acting === "buyer" && isOpen(refund) && (
                    <Cancel refund={refund} onCanceled={load.put} onSettled={load.reload} />
                  )}
                  {acting === "operator" && refund.status === "succeeded" && (
                    <LinkButton href={hrefOf(`operator/reversal?refund=${id}`)}>{t.operator.reverse}</LinkButton>
                  )}
                </>
              }
            >
              <p>
                <RefundStatus status={refund.status} />
              </p>
              <Timeline refund={refund} />
              {isOpen(refund) && <p class="hint">{t.refunds.following}</p>}
            </Card>
            <Card title={t.refunds.details}>
              <RefundFacts refund={refund} />
            </Card>
          </div>
        )}
      </Loaded>
    </Page>
  );
}

export function RefundFacts({ refund }: { refund: Refund }) {
  const t = useText();
  const { acting } = useSession();
  const order = <code>{refund.order_id}</code>;
  const merchant = refund.merchant_id;
  return (
    <Facts
      items={[
        [t.refunds.amount, <Amount amount={refund.amount} currency={refund.currency} />],
        [
          t.orders.id,
          acting === "buyer" ? <a href={hrefOf(`buyer/orders/${refund.order_id}`)}>{order}</a> : order,
        ],
        [
          t.role.merchant,
          acting === "operator" ? <a href={hrefOf(`operator/merchants/${merchant}`)}>{merchant}</a> : merchant,
        ],
        [t.role.buyer, refund.buyer_id],
        [t.refunds.goods, t.refunds.conditions[refund.goods_condition]],
        [t.refunds.reason, refund.reason],
        [t.refunds.evidence, refund.evidence.length > 0 ? refund.evidence.join(", ") : null],
        [t.refunds.source, refund.sources && <Sources refund={refund} />],
        [t.refunds.nextTry, refund.next_try_at && <Moment at={refund.next_try_at} />],
      ]}
    />
  );
}

/** A change of state, for who does not see it happen. */
function useAnnounced(refund: Refund | null): void {
  const t = useText();
  const last = useRef<string | null>(null);
  useEffect(() => {
    if (!refund) return;
    if (last.current && last.current !== refund.status) {
      announce(t.refunds.changed(t.refunds.states[refund.status]));
    }
    last.current = refund.status;
  }, [refund?.status]);
}

interface CancelProps {
  refund: Refund;
  onCanceled: (refund: Refund) => void;
  onSettled: () => void;
}

function Cancel({ refund, onCanceled, onSettled }: CancelProps) {
  const t = useText();
  const [asking, setAsking] = useState(false);
  const cancel = useAction(async () => {
    const path = { refund_id: refund.refund_id };
    onCanceled(await call("post", "/refunds/{refund_id}/cancel", { path }));
    setAsking(false);
  });
  return (
    <>
      <Button onClick={() => setAsking(true)}>{t.refunds.cancel}</Button>
      {asking && (
        <Dialog
          title={t.refunds.cancelSure}
          confirm={t.refunds.cancel}
          keep={t.refunds.keep}
          kind="danger"
          busy={cancel.busy}
          problem={cancel.problem}
          onConfirm={() => void cancel.run()}
          onClose={() => {
            setAsking(false);
            cancel.clear();
            onSettled();
          }}
        >
          <p>{t.refunds.cancelText}</p>
        </Dialog>
      )}
    </>
  );
}
