import { useState } from "preact/hooks";
import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useAction, useLoad } from "../../load.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { TextField } from "../../parts/field.tsx";
import { Empty, Loaded } from "../../parts/loaded.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Badge, Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { Table } from "../../parts/table.tsx";
import type { Parameters } from "../../routes.ts";
import { Messages } from "./dead_letters.tsx";

/** What a redrive would do, and the redrive. */
export function DeadLetterQueue({ queue = "" }: Parameters) {
  const t = useText();
  const words = t.letters;
  const load = useLoad(`dead-letters:${queue}`, (signal) =>
    call("get", "/dead-letters/{queue}", { path: { queue }, signal }),
  );
  return (
    <Page title={`${t.nav.deadLetters}: ${words.queues[queue] ?? queue}`}>
      <Loaded load={load}>
        {(letters) => (
          <>
            <Card title={words.redrive}>
              <p>
                {words.messages}: <Messages queue={letters} />
              </p>
              <Redrive queue={queue} onMoved={load.reload} />
            </Card>
            <Card title={words.letters}>
              {letters.items.length === 0 ? (
                <Empty title={words.none} />
              ) : (
                <Letters letters={letters.items} />
              )}
            </Card>
          </>
        )}
      </Loaded>
    </Page>
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
        { name: words.about, cell: ({ about }) => (about ? <code>{about}</code> : "–") },
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

function Redrive({ queue, onMoved }: { queue: string; onMoved: () => void }) {
  const t = useText();
  const words = t.letters;
  const [typed, setTyped] = useState("100");
  const [moved, setMoved] = useState<Schema["Redriven"] | null>(null);
  const limit = /^([1-9]\d{0,2}|1000)$/.test(typed) ? Number(typed) : null;
  const redrive = useAction(async () => {
    if (limit === null) return;
    setMoved(await call("post", "/dead-letters/{queue}/redrive", { path: { queue }, body: { limit } }));
    onMoved();
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void redrive.run();
      }}
    >
      <div class="filters">
        <TextField label={words.limit} hint="1–1000" inputMode="numeric" value={typed} onChange={setTyped} />
        <Button type="submit" kind="primary" busy={redrive.busy} disabled={limit === null}>
          {words.redrive}
        </Button>
      </div>
      <p class="hint">{words.redriveHint}</p>
      <ProblemNote problem={redrive.problem} />
      {moved && (
        <Note tone={moved.stopped_by ? "warn" : "good"} live title={words.moved(moved.moved, moved.left_here, moved.remaining)}>
          {moved.stopped_by && (
            <p>
              {words.stoppedBy}: <code>{moved.stopped_by}</code>
            </p>
          )}
        </Note>
      )}
    </form>
  );
}
