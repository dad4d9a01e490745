import { announce } from "../../announce.ts";
import { call } from "../../api.ts";
import { useDraft } from "../../draft.ts";
import { useText } from "../../i18n/index.ts";
import { keyAfter, newKey } from "../../idempotency.ts";
import { useAction } from "../../load.ts";
import { parseSigned } from "../../money.ts";
import { Amount } from "../../parts/amount.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { TextField, useFieldErrors } from "../../parts/field.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { Problem } from "../../problems.ts";

const MOST_LEGS = 6;

interface Leg {
  account: string;
  amount: string;
}

interface Typed {
  key: string;
  currency: string;
  reason: string;
  legs: Leg[];
}

const empty = (): Typed => ({
  key: newKey(),
  currency: "CNY",
  reason: "",
  legs: [
    { account: "", amount: "" },
    { account: "platform:guarantee", amount: "" },
  ],
});

export function ProposeCorrection({ onProposed }: { onProposed: () => void }) {
  const t = useText();
  const words = t.operator;
  const [typed, change, clear] = useDraft<Typed>("correction", empty);
  const { legs, currency } = typed;
  const known = /^[A-Z]{3}$/.test(currency);
  const amounts = legs.map((leg) => (known ? parseSigned(leg.amount, currency) : null));
  const sum = amounts.reduce<number>((total, amount) => total + (amount ?? 0), 0);
  const whole = amounts.every((amount) => amount !== null);

  const propose = useAction(async () => {
    try {
      await call("post", "/corrections", {
        key: typed.key,
        body: {
          currency,
          reason: typed.reason,
          legs: legs.map(({ account }, index) => ({ account: account.trim(), amount: amounts[index] ?? 0 })),
        },
      });
      clear(empty());
      announce(words.proposed);
      onProposed();
    } catch (error) {
      if (error instanceof Problem) change({ key: keyAfter(error.code, typed.key) });
      throw error;
    }
  });
  const errors = useFieldErrors(propose.problem);
  const setLeg = (index: number, part: Partial<Leg>) =>
    change({ legs: legs.map((leg, at) => (at === index ? { ...leg, ...part } : leg)) });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void propose.run();
      }}
    >
      <Card title={words.propose}>
        <TextField
          label={t.wallet.currency}
          value={currency}
          required
          maxLength={3}
          error={errors.currency}
          onChange={(value) => change({ currency: value.toUpperCase() })}
        />
        <fieldset>
          <legend>{words.legs}</legend>
          <p class="hint">{words.legsHint}</p>
          <p class="hint">{words.accountHint}</p>
          {legs.map((leg, index) => (
            <fieldset class="row" key={index}>
              <legend class="unseen">{words.legN(index + 1)}</legend>
              <TextField
                label={words.account}
                value={leg.account}
                required
                error={errors[`legs/${index}/account`]}
                onChange={(account) => setLeg(index, { account })}
              />
              <TextField
                label={`${words.amount} (${currency})`}
                value={leg.amount}
                required
                inputMode="decimal"
                error={leg.amount !== "" && amounts[index] === null ? t.request.amountWrong : undefined}
                onChange={(amount) => setLeg(index, { amount })}
              />
              {legs.length > 2 && (
                <Button
                  label={words.removeLeg(index + 1)}
                  onClick={() => change({ legs: legs.filter((_, at) => at !== index) })}
                >
                  ✕
                </Button>
              )}
            </fieldset>
          ))}
          {legs.length < MOST_LEGS && (
            <Button onClick={() => change({ legs: [...legs, { account: "", amount: "" }] })}>
              {words.addLeg}
            </Button>
          )}
        </fieldset>
        {known && whole && (
          <p role="status" class={sum === 0 ? "hint" : "error"}>
            {words.sum}: <Amount amount={sum} currency={currency} /> {sum !== 0 && words.sumWrong}
          </p>
        )}
        <TextField
          label={words.reason}
          lines={2}
          required
          maxLength={2000}
          value={typed.reason}
          error={errors.reason}
          onChange={(reason) => change({ reason })}
        />
        <ProblemNote problem={propose.problem} />
        <div class="form-end">
          <Button type="submit" kind="primary" busy={propose.busy} disabled={!whole || sum !== 0}>
            {words.propose}
          </Button>
        </div>
      </Card>
    </form>
  );
}
