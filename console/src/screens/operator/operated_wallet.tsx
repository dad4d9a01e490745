import { useState } from "preact/hooks";
import { announce } from "../../announce.ts";
import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useAction } from "../../load.ts";
import { decimal, parseAmount } from "../../money.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { Badge } from "../../parts/note.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { Figure } from "../wallet.tsx";
import { MOST_SHOWN, Waiting } from "./waiting.tsx";

type Wallet = Schema["OperatedWallet"];

interface Props {
  merchant: string;
  wallet: Wallet;
  onChanged: () => void;
}

export function OperatedWallet({ merchant, wallet, onChanged }: Props) {
  const t = useText();
  const { currency } = wallet;
  return (
    <Card
      title={`${t.nav.wallet} ${currency}`}
      actions={<Freeze merchant={merchant} wallet={wallet} onChanged={onChanged} />}
    >
      <dl class="figures">
        <Figure name={t.wallet.available} amount={wallet.available} currency={currency} main>
          {wallet.frozen && <Badge tone="warn">{t.wallet.frozen}</Badge>}
        </Figure>
        <Figure name={t.wallet.deposit} amount={wallet.deposit} currency={currency} />
        <Figure name={t.wallet.depositRequired} amount={wallet.deposit_required} currency={currency} />
        <Figure name={t.wallet.owed} amount={wallet.owed} currency={currency} />
        <Figure name={t.wallet.guaranteeLeft} amount={wallet.guarantee_left} currency={currency} />
      </dl>
      <h3>{t.operator.limits}</h3>
      <Limits
        merchant={merchant}
        currency={currency}
        required={wallet.deposit_required}
        guarantee={wallet.guarantee_limit}
        onChanged={onChanged}
      />
      <Shards merchant={merchant} wallet={wallet} onChanged={onChanged} />
      <h3>
        {t.operator.waiting} ({wallet.waiting_refunds}
        {wallet.waiting_refunds < MOST_SHOWN ? "" : "+"})
      </h3>
      <Waiting key={wallet.waiting_refunds} merchant={merchant} currency={currency} />
    </Card>
  );
}

function Freeze({ merchant, wallet, onChanged }: Props) {
  const t = useText();
  const [asking, setAsking] = useState(false);
  const { currency, frozen } = wallet;
  const change = useAction(async () => {
    const given = { path: { merchant_id: merchant }, body: { currency } };
    if (frozen) await call("post", "/merchants/{merchant_id}/unfreeze", given);
    else await call("post", "/merchants/{merchant_id}/freeze", given);
    setAsking(false);
    announce(t.saved);
    onChanged();
  });
  if (frozen) {
    return (
      <>
        <ProblemNote problem={change.problem} />
        <Button busy={change.busy} onClick={() => void change.run()}>
          {t.operator.unfreeze}
        </Button>
      </>
    );
  }
  return (
    <>
      <Button kind="danger" onClick={() => setAsking(true)}>
        {t.operator.freeze}
      </Button>
      {asking && (
        <Dialog
          title={t.operator.freezeSure(currency)}
          confirm={t.operator.freeze}
          kind="danger"
          busy={change.busy}
          problem={change.problem}
          onConfirm={() => void change.run()}
          onClose={() => setAsking(false)}
        >
          <p>{t.operator.freezeText}</p>
        </Dialog>
      )}
    </>
  );
}

interface LimitsProps {
  merchant: string;
  currency: string;
  required: number;
  guarantee?: number;
  onChanged: () => void;
}

export function Limits({ merchant, currency, required, guarantee = 0, onChanged }: LimitsProps) {
  const t = useText();
  const [deposit, setDeposit] = useState(decimal(required, currency));
  const [limit, setLimit] = useState(decimal(guarantee, currency));
  const [depositAmount, limitAmount] = [deposit, limit].map((text) => parseAmount(text, currency, 0n));
  const save = useAction(async () => {
    if (depositAmount == null || limitAmount == null) return;
    await call("put", "/merchants/{merchant_id}/limits", {
      path: { merchant_id: merchant },
      body: { currency, deposit_required: depositAmount, guarantee_limit: limitAmount },
    });
    announce(t.saved);
    onChanged();
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save.run();
      }}
    >
      <div class="filters">
        <TextField
          label={`${t.wallet.depositRequired} (${currency})`}
          inputMode="decimal"
          value={deposit}
          error={depositAmount === null ? t.request.amountWrong : undefined}
          onChange={setDeposit}
        />
        <TextField
          label={`${t.operator.guaranteeLimit} (${currency})`}
          inputMode="decimal"
          value={limit}
          error={limitAmount === null ? t.request.amountWrong : undefined}
          onChange={setLimit}
        />
        <Button type="submit" busy={save.busy} disabled={depositAmount === null || limitAmount === null}>
          {t.operator.setLimits}
        </Button>
      </div>
      <ProblemNote problem={save.problem} />
    </form>
  );
}

function Shards({ merchant, wallet, onChanged }: Props) {
  const t = useText();
  const [typed, setTyped] = useState(String(wallet.shards));
  const wanted = /^([1-9]|1[0-6])$/.test(typed) ? Number(typed) : null;
  const save = useAction(async () => {
    if (wanted === null) return;
    await call("put", "/merchants/{merchant_id}/shards", {
      path: { merchant_id: merchant },
      body: { currency: wallet.currency, shards: wanted },
    });
    announce(t.saved);
    onChanged();
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save.run();
      }}
    >
      <div class="filters">
        <TextField
          label={t.operator.shards}
          hint={t.operator.shardsHint}
          inputMode="numeric"
          value={typed}
          onChange={setTyped}
        />
        <Button type="submit" busy={save.busy} disabled={wanted === null}>
          {t.operator.setShards}
        </Button>
      </div>
      <ProblemNote problem={save.problem} />
    </form>
  );
}
