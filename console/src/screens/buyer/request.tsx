import { useEffect, useState } from "preact/hooks";
import { announce } from "../../announce.ts";
import { call, type Schema } from "../../api.ts";
import { useDraft } from "../../draft.ts";
import { useText } from "../../i18n/index.ts";
import { keyAfter, newKey } from "../../idempotency.ts";
import { useAction, useLoad, type Load } from "../../load.ts";
import { formatAmount, parseAmount } from "../../money.ts";
import { Amount } from "../../parts/amount.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Facts } from "../../parts/facts.tsx";
import { ChoiceField, TextField } from "../../parts/field.tsx";
import { Loaded, Waiting } from "../../parts/loaded.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { Problem } from "../../problems.ts";
import { go, hrefOf } from "../../router.ts";
import type { Parameters } from "../../routes.ts";
import { refundable, Window, type Order } from "../orders.tsx";

type Condition = Schema["GoodsCondition"];

const PREVIEW_MS = 350;
const MOST_EVIDENCE = 10;

interface Typed {
  key: string;
  condition: Condition;
  amount: string;
  reason: string;
  evidence: string;
}

/** An order, and the form that asks for a refund of it. */
export function RequestRefund({ id = "" }: Parameters) {
  const t = useText();
  const load = useLoad(`order:${id}`, (signal) =>
    call("get", "/orders/{order_id}", { path: { order_id: id }, query: { as: "buyer" }, signal }),
  );
  return (
    <Page title={`${t.orders.id} ${id}`}>
      <Loaded load={load}>
        {(order) => (
          <div class="columns">
            <Card title={t.request.title}>
              <Request order={order} onRefused={load.reload} />
            </Card>
            <div>
              <Card title={t.orders.details}>
                <Details order={order} />
              </Card>
              <MerchantPolicy merchant={order.merchant_id} />
            </div>
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Request(given: FormProps) {
  if (given.order.refundable === 0) return <NothingLeft />;
  return refundable(given.order) ? <RequestForm {...given} /> : <Unrefundable {...given} />;
}

/** All of it is refunded, or about to be. */
function NothingLeft() {
  const t = useText();
  return (
    <Note tone="info" live title={t.orders.nothingLeft}>
      <a href={hrefOf("buyer/refunds")}>{t.request.toRefunds}</a>
    </Note>
  );
}

/** Why no refund of it may be asked for, by the rule that says so. */
function Unrefundable({ order, onRefused }: FormProps) {
  const { order_id } = order;
  const decision = useLoad(`whole:${order_id}`, (signal) => decide(order_id, null, "intact", signal));
  // This device's clock is no rule: what the API would grant may be asked for.
  if (decision.data) return <RequestForm order={order} onRefused={onRefused} />;
  return decision.problem ? <Undecided decision={decision} /> : <Waiting />;
}

function Details({ order }: { order: Order }) {
  const t = useText();
  const { currency } = order;
  return (
    <Facts
      items={[
        [t.role.merchant, order.merchant_id],
        [t.orders.paid, <Amount amount={order.amount} currency={currency} />],
        [t.orders.refundable, <Amount amount={order.refundable} currency={currency} />],
        [t.orders.placedAt, <Moment at={order.placed_at} />],
        [t.orders.completedAt, order.completed_at && <Moment at={order.completed_at} />],
        [t.orders.until, <Window order={order} />],
      ]}
    />
  );
}

function MerchantPolicy({ merchant }: { merchant: string }) {
  const t = useText();
  const load = useLoad(`policy:${merchant}`, (signal) =>
    call("get", "/merchants/{merchant_id}/refund-policy", { path: { merchant_id: merchant }, signal }),
  );
  return (
    <Card title={t.request.merchantPolicy}>
      <Loaded load={load}>
        {({ statement }) =>
          statement ? (
            <dl class="terms">
              <dt>{t.settlement.reasons}</dt>
              <dd class="verbatim">{statement.reasons}</dd>
              <dt>{t.settlement.handling}</dt>
              <dd class="verbatim">{statement.handling}</dd>
            </dl>
          ) : (
            <p class="hint">{t.request.noPolicy}</p>
          )
        }
      </Loaded>
    </Card>
  );
}

interface FormProps {
  order: Order;
  onRefused: () => void;
}

function RequestForm({ order, onRefused }: FormProps) {
  const t = useText();
  const { currency, order_id } = order;
  // The key is made as the form opens and kept with what is typed: a second click, a reload or a
  // new sign-in sends the same request, which makes one refund.
  const [typed, keep, clear] = useDraft<Typed>(`refund:${order_id}`, () => ({
    key: newKey(),
    condition: "intact",
    amount: "",
    reason: "",
    evidence: "",
  }));
  const amount = typed.amount.trim() === "" ? null : parseAmount(typed.amount, currency);
  const wrong = typed.amount.trim() !== "" && amount === null;

  const send = useAction(async () => {
    const evidence = typed.evidence.split("\n").map((line) => line.trim()).filter(Boolean);
    try {
      const refund = await call("post", "/refunds", {
        key: typed.key,
        body: {
          order_id,
          amount,
          goods_condition: typed.condition,
          reason: typed.reason.trim() || null,
          evidence,
        },
      });
      clear();
      announce(t.request.submitted);
      go(`buyer/refunds/${refund.refund_id}`);
    } catch (error) {
      if (error instanceof Problem) {
        keep({ key: keyAfter(error.code, typed.key) });
        if (error.status === 422) onRefused();
      }
      throw error;
    }
  });
  const change = (part: Partial<Typed>) => {
    send.clear();
    keep(part);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) void send.run();
      }}
    >
      <ChoiceField
        label={t.request.condition}
        hint={t.request.conditionHint}
        value={typed.condition}
        choices={t.refunds.conditions}
        onChange={(condition) => change({ condition: condition as Condition })}
      />
      <TextField
        label={`${t.request.amount} (${currency})`}
        optional
        inputMode="decimal"
        hint={t.request.amountHint(formatAmount(order.refundable, currency, t.language))}
        error={wrong ? t.request.amountWrong : undefined}
        value={typed.amount}
        onChange={(value) => change({ amount: value })}
      />
      <TextField
        label={t.request.reason}
        optional
        hint={t.request.reasonHint}
        lines={2}
        maxLength={2000}
        value={typed.reason}
        onChange={(reason) => change({ reason })}
      />
      <TextField
        label={t.request.evidence}
        optional
        hint={t.request.evidenceHint}
        lines={2}
        value={typed.evidence}
        onChange={(evidence) => change({ evidence: evidence.split("\n").slice(0, MOST_EVIDENCE).join("\n") })}
      />
      {!wrong && !send.problem && (
        <Preview orderId={order_id} amount={amount} condition={typed.condition} />
      )}
      <ProblemNote problem={send.problem} />
      {send.problem && <Afterwards problem={send.problem} />}
      <div class="form-end">
        <Button type="submit" kind="primary" busy={send.busy} disabled={wrong}>
          {t.request.submit}
        </Button>
      </div>
    </form>
  );
}

/** Where to look after a request that may have been taken, or that was kept as refused. */
function Afterwards({ problem }: { problem: Problem }) {
  const t = useText();
  const kept = problem.fact("refund_id");
  if (typeof kept === "string") {
    return (
      <p>
        {t.request.recorded} <a href={hrefOf(`buyer/refunds/${kept}`)}>{kept}</a>
      </p>
    );
  }
  if (problem.code !== "idempotency_key_reused") return null;
  return (
    <p>
      {t.request.maybeTaken} <a href={hrefOf("buyer/refunds")}>{t.request.toRefunds}</a>
    </p>
  );
}

interface PreviewProps {
  orderId: string;
  amount: number | null;
  condition: Condition;
}

/** What would be decided now, by the same rule, a moment after the last change. */
function Preview({ orderId, amount, condition }: PreviewProps) {
  const t = useText();
  const wanted = JSON.stringify([amount, condition]);
  const [settled, setSettled] = useState(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(wanted), PREVIEW_MS);
    return () => clearTimeout(timer);
  }, [wanted]);
  const load = useLoad(`preview:${orderId}:${settled}`, (signal) => decide(orderId, amount, condition, signal));
  const waiting = wanted !== settled || load.loading;
  return (
    <section class="preview" aria-label={t.request.preview} aria-live="polite" aria-busy={waiting}>
      <h3>{t.request.preview}</h3>
      {waiting && <p class="hint">{t.request.previewing}</p>}
      {!waiting && load.data && (
        <Note tone="good" title={t.request.willRefund(formatAmount(load.data.amount, load.data.currency, t.language))}>
          <p>{t.request.leaves(formatAmount(load.data.refundable_after, load.data.currency, t.language))}</p>
        </Note>
      )}
      {!waiting && <Undecided decision={load} />}
    </section>
  );
}

function decide(
  order_id: string,
  amount: number | null,
  goods_condition: Condition,
  signal: AbortSignal,
): Promise<Schema["RefundPreview"]> {
  return call("post", "/refunds/preview", { body: { order_id, amount, goods_condition }, signal });
}

/** A refusal, or why nothing could be decided. */
function Undecided({ decision: { problem, reload } }: { decision: Load<Schema["RefundPreview"]> }) {
  const t = useText();
  const refused = problem?.status === 422;
  return <ProblemNote problem={problem} {...(refused ? { lead: t.request.will } : { onRetry: reload })} />;
}
