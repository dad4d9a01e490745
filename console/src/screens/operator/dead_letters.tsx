import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useLoad } from "../../load.ts";
import { Card } from "../../parts/card.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Badge } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { Table } from "../../parts/table.tsx";
import { hrefOf } from "../../router.ts";

/** Every dead-letter queue, and how many messages it holds. */
export function DeadLetters() {
  const t = useText();
  const load = useLoad("dead-letters", (signal) => call("get", "/dead-letters", { signal }));
  return (
    <Page title={t.nav.deadLetters} lead={t.letters.lead}>
      <Card>
        <Loaded load={load}>
          {({ items }) => (
            <Table
              caption={t.nav.deadLetters}
              rows={items}
              id={({ queue }) => queue}
              columns={[
                {
                  name: t.letters.queue,
                  cell: ({ queue }) => <a href={hrefOf(`operator/dead-letters/${queue}`)}>{t.letters.queues[queue]}</a>,
                },
                { name: t.letters.holds, cell: ({ queue }) => t.letters.held[queue] },
                { name: t.letters.messages, right: true, cell: (each) => <Messages queue={each} /> },
              ]}
            />
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

export function Messages({ queue: { messages } }: { queue: Schema["DeadLetterQueue"] }) {
  return <Badge tone={messages > 0 ? "bad" : "good"}>{messages}</Badge>;
}
