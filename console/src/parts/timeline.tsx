import type { Schema } from "../api.ts";
import { useText } from "../i18n/index.ts";
import { Amount } from "./amount.tsx";
import { Moment, useRemaining } from "./moment.tsx";
import { Badge, type Tone } from "./note.tsx";

type Refund = Schema["RefundView"];
type Status = Schema["RefundStatus"];

const TONES: Record<Status, Tone> = {
  pending: "info",
  awaiting_funds: "warn",
  succeeded: "good",
  canceled: "plain",
  refused: "bad",
  reversed: "plain",
};

export function RefundStatus({ status }: { status: Status }) {
  const t = useText();
  return <Badge tone={TONES[status]}>{t.refunds.states[status]}</Badge>;
}

export function isOpen(refund: Refund): boolean {
  return refund.status === "pending" || refund.status === "awaiting_funds";
}

/** Where a refund stands: each state it was in and when, and what comes next while it is open. */
export function Timeline({ refund }: { refund: Refund }) {
  const t = useText();
  return (
    <ol class="timeline" aria-label={t.refunds.timeline}>
      {refund.timeline.map((entry, index) => {
        const last = index === refund.timeline.length - 1;
        return (
          <li key={`${entry.status}${entry.at}`} class={TONES[entry.status]} aria-current={last ? "step" : undefined}>
            <strong>{t.refunds.states[entry.status]}</strong>
            <Moment at={entry.at} />
            {last && <p class="hint">{t.refunds.explained[entry.status]}</p>}
          </li>
        );
      })}
      {isOpen(refund) && (
        <li class="next">
          <strong>{t.refunds.next}</strong>
          <Waits refund={refund} />
        </li>
      )}
    </ol>
  );
}

/** What an open refund waits for, and when it is tried again at the latest. */
export function Waits({ refund }: { refund: Refund }) {
  const t = useText();
  const left = useRemaining(refund.next_try_at);
  if (!refund.waits_for) return null;
  return (
    <p class="hint">
      {t.refunds.waitsFor}: {t.refunds.waits[refund.waits_for] ?? refund.waits_for}
      {left && `, ${t.refunds.nextTryIn(left)}`}
    </p>
  );
}

export function Sources({ refund }: { refund: Refund }) {
  const t = useText();
  if (!refund.sources) return <>–</>;
  return (
    <ul class="plain-list">
      {Object.entries(refund.sources).map(([source, amount]) => (
        <li key={source}>
          {t.refunds.sources[source] ?? source}: <Amount amount={amount} currency={refund.currency} />
        </li>
      ))}
    </ul>
  );
}
