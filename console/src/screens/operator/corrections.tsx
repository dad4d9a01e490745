import { useState } from "preact/hooks";
import { announce } from "../../announce.ts";
import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useAction, usePages } from "../../load.ts";
import { Amount } from "../../parts/amount.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { SelectField } from "../../parts/field.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Badge, type Tone } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { List, type Column } from "../../parts/table.tsx";
import { useSession } from "../../session.ts";
import { ProposeCorrection } from "./propose.tsx";

type Correction = Schema["Correction"];
type Status = Schema["CorrectionStatus"];

const TONES: Record<Status, Tone> = { proposed: "info", approved: "good", rejected: "plain" };

interface Deciding {
  correction: Correction;
  approve: boolean;
}

/** Movements that no other call makes: proposed by one operator, approved by another. */
export function Corrections() {
  const t = useText();
  const words = t.operator;
  const { me } = useSession();
  const [status, setStatus] = useState<Status>("proposed");
  const [deciding, setDeciding] = useState<Deciding | null>(null);
  const pages = usePages<Correction>(`corrections:${status}`, (cursor, signal) =>
    call("get", "/corrections", { query: { status, cursor: cursor ?? null }, ...(signal && { signal }) }),
  );
  const columns: Column<Correction>[] = [
    { name: words.legs, cell: (each) => <Legs correction={each} /> },
    { name: words.reason, cell: (each) => each.reason },
    {
      name: words.status,
      cell: (each) => <Badge tone={TONES[each.status]}>{words.correctionStates[each.status]}</Badge>,
    },
    {
      name: words.proposedAt,
      cell: (each) => (
        <>
          <Moment at={each.proposed_at} />
          <p class="hint">
            {words.proposedBy} <code>{each.proposed_by}</code>
          </p>
          {each.decided_by && (
            <p class="hint">
              {words.decidedBy} <code>{each.decided_by}</code>
            </p>
          )}
        </>
      ),
    },
    {
      name: t.orders.action,
      cell: (correction) =>
        correction.status === "proposed" && (
          <div class="actions">
            {correction.proposed_by === me.subject ? (
              <span class="hint">{words.byAnother}</span>
            ) : (
              <Button kind="primary" onClick={() => setDeciding({ correction, approve: true })}>
                {words.approve}
              </Button>
            )}
            <Button onClick={() => setDeciding({ correction, approve: false })}>{words.reject}</Button>
          </div>
        ),
    },
  ];
  const done = () => {
    setDeciding(null);
    pages.reload();
  };
  return (
    <Page title={t.nav.corrections}>
      <ProposeCorrection onProposed={pages.reload} />
      <Card title={t.nav.corrections}>
        <div class="filters">
          <SelectField
            label={words.status}
            value={status}
            choices={words.correctionStates}
            onChange={(value) => setStatus(value as Status)}
          />
        </div>
        <List
          caption={t.nav.corrections}
          columns={columns}
          pages={pages}
          id={(each) => each.correction_id}
          empty={words.noCorrections}
        />
      </Card>
      {deciding && <DecideCorrection {...deciding} onDone={done} />}
    </Page>
  );
}

function Legs({ correction }: { correction: Correction }) {
  return (
    <ul class="plain-list">
      {correction.legs.map((leg) => (
        <li key={leg.account}>
          <code>{leg.account}</code> <Amount amount={leg.amount} currency={correction.currency} signed />
        </li>
      ))}
    </ul>
  );
}

function DecideCorrection({ correction, approve, onDone }: Deciding & { onDone: () => void }) {
  const t = useText();
  const decide = useAction(async () => {
    const given = { path: { correction_id: correction.correction_id } };
    if (approve) await call("post", "/corrections/{correction_id}/approve", given);
    else await call("post", "/corrections/{correction_id}/reject", given);
    announce(t.operator.decided);
    onDone();
  });
  return (
    <Dialog
      title={approve ? t.operator.approveSure : t.operator.rejectSure}
      confirm={approve ? t.operator.approve : t.operator.reject}
      kind={approve ? "primary" : "danger"}
      busy={decide.busy}
      problem={decide.problem}
      onConfirm={() => void decide.run()}
      onClose={onDone}
    >
      <Legs correction={correction} />
      <p>{correction.reason}</p>
    </Dialog>
  );
}
