import { useState } from "preact/hooks";
import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useAction, useLoad } from "../../load.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Facts } from "../../parts/facts.tsx";
import { TextField } from "../../parts/field.tsx";
import { Empty, Loaded } from "../../parts/loaded.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Badge, Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { Table } from "../../parts/table.tsx";
import { hrefOf } from "../../router.ts";
import type { Parameters } from "../../routes.ts";
import { Messages } from "./dead_letters.tsx";

type Queue = Schema["DeadLetters"];

/** What a redrive would do; then, after a question, the redrive. */
export function DeadLetterQueue({ queue = "" }: Parameters) {
  const t = useText();
  const words = t.letters;
  const load = useLoad(`dead-letters:${queue}`, (signal) =>
    call("get", "/dead-letters/{queue}", { path: { queue }, signal }),
  );
  return (
    <Page title={`${t.nav.deadLetters}: ${words.queues[queue] ?? queue}`} lead={words.lead}>
      <Loaded load={load}>
        {(letters) => (
          <>
            <Card title={words.would}>
              <Effect letters={letters} />
              <h3>{words.letters}</h3>
              {letters.items.length === 0 ? <Empty title={words.none} /> : <Letters letters={letters.items} />}
            </Card>
            <Card title={words.redrive}>
              <Redrive letters={letters} onMoved={load.reload} />
            </Card>
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** From where, about how many, and to where. */
function Effect({ letters, limit }: { letters: Queue; limit?: number }) {
  const t = useText();
  const words = t.letters;
  return (
    <Facts
      items={[
        [words.queue, words.queues[letters.queue]],
        [words.messages, <Messages queue={letters} />],
        [words.limit, limit],
        [words.to, words.targets[letters.queue] ?? letters.redriven_to],
      ]}
    />
  );
}

function Letters({ letters }: { letters: Schema["DeadLetter"][] }) {
  const t = useText();
  const words = t.letters;
  return (
    <Table
      caption={words.letters}
      rows={letters}
      id={(letter) => letter.message_id}
      columns={[
        { name: words.about, cell: ({ about }) => (about ? <About name={about} /> : "–") },
        { name: words.sentAt, cell: ({ sent_at }) => <Moment at={sent_at} /> },
        { name: words.receives, right: true, cell: ({ receives }) => receives },
        {
          name: t.refunds.status,
          cell: ({ status }) => (status && (t.refunds.states[status as Schema["RefundStatus"]] ?? status)) ?? "–",
        },
        { name: words.error, cell: ({ error_type }) => error_type ?? "–" },
        {
          name: words.redrivable,
          cell: ({ redrivable, why_not }) => (
            <Badge tone={redrivable ? "good" : "warn"}>
              {why_not ? (words.whyNot[why_not] ?? why_not) : t.yes}
            </Badge>
          ),
        },
      ]}
    />
  );
}

/** What a letter is about; a refund (`refund:rf_…`) is to be looked at. */
function About({ name }: { name: string }) {
  const [, refund] = /^refund:(.+)$/.exec(name) ?? [];
  const text = <code>{name}</code>;
  return refund ? <a href={hrefOf(`operator/refunds/${refund}`)}>{text}</a> : text;
}

function Redrive({ letters, onMoved }: { letters: Queue; onMoved: () => void }) {
  const t = useText();
  const words = t.letters;
  const { queue, items } = letters;
  const [typed, setTyped] = useState("100");
  const [asking, setAsking] = useState(false);
  const [moved, setMoved] = useState<Schema["Redriven"] | null>(null);
  const limit = /^([1-9]\d{0,2}|1000)$/.test(typed) ? Number(typed) : null;
  const redrive = useAction(async () => {
    if (limit === null) return;
    setMoved(await call("post", "/dead-letters/{queue}/redrive", { path: { queue }, body: { limit } }));
    setAsking(false);
    onMoved();
  });
  const able = items.filter(({ redrivable }) => redrivable);
  return (
    <>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          setMoved(null);
          setAsking(true);
        }}
      >
        <TextField label={words.limit} hint="1–1000" inputMode="numeric" value={typed} onChange={setTyped} />
        <Button type="submit" kind="primary" disabled={limit === null}>
          {words.redrive}
        </Button>
      </form>
      <p class="hint">{words.redriveHint}</p>
      {asking && limit !== null && (
        <Dialog
          title={words.sure}
          confirm={words.redrive}
          busy={redrive.busy}
          problem={redrive.problem}
          onConfirm={() => void redrive.run()}
          onClose={() => {
            setAsking(false);
            redrive.clear();
          }}
        >
          <Effect letters={letters} limit={limit} />
          <p>{words.shown(items.length, able.length)}</p>
          <ul class="plain-list">
            {able.map(({ message_id, about }) => (
              <li key={message_id}>
                <code>{about ?? message_id}</code>
              </li>
            ))}
          </ul>
          <p role="status">{redrive.busy && words.underWay}</p>
        </Dialog>
      )}
      <div role="status">{moved && <Result moved={moved} />}</div>
    </>
  );
}

function Result({ moved: { moved, left_here, remaining, stopped_by } }: { moved: Schema["Redriven"] }) {
  const words = useText().letters;
  return (
    <Note tone={stopped_by ? "warn" : "good"} title={words.moved(moved, left_here, remaining)}>
      {stopped_by && (
        <p>
          {words.stoppedBy}: <code>{stopped_by}</code>
        </p>
      )}
    </Note>
  );
}
