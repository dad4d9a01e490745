import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { useLoad } from "../../load.ts";
import { LinkButton } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { RefundsByDay } from "../../parts/charts.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Badge, Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { Moment } from "../../parts/moment.tsx";
import { hrefOf } from "../../router.ts";
import { certification } from "./certified.ts";

interface Progress {
  shop: Schema["Shop"];
  certification: Schema["Certification"] | null;
  policy: Schema["RefundPolicy"];
}

async function progress(signal: AbortSignal): Promise<Progress> {
  const [shop, certified, policy] = await Promise.all([
    call("get", "/shop", { signal }),
    certification(signal),
    call("get", "/refund-policy", { signal }),
  ]);
  return { shop, certification: certified, policy };
}

export function MerchantHome() {
  const t = useText();
  const load = useLoad("progress", progress);
  return (
    <Page title={t.home}>
      <Card title={t.steps.title}>
        <Loaded load={load}>{(data) => <FourSteps {...data} />}</Loaded>
      </Card>
      <Card title={t.refunds.byDay}>
        <RefundsByDay />
      </Card>
    </Page>
  );
}

function FourSteps({ shop, certification, policy }: Progress) {
  const t = useText();
  const confirmed = policy.status === "confirmed";
  const done = [
    shop.complete,
    certification?.status === "certified",
    confirmed || (policy.status === "draft" && policy.instant_refund),
    confirmed,
  ];
  const now = done.indexOf(false);
  const steps: [readonly string[] | string[], string][] = [
    [t.steps.shop, "shop"],
    [t.steps.certification, "certification"],
    [t.steps.settlement, "settlement"],
    [t.steps.confirm, "settlement"],
  ];
  return (
    <>
      {confirmed && policy.confirmed_at ? (
        <Note tone="good" title={t.steps.allDone}>
          <p>
            {t.settlement.since}: <Moment at={policy.confirmed_at} />
          </p>
        </Note>
      ) : (
        <p class="lead">{t.steps.lead}</p>
      )}
      <ol class="four">
        {steps.map(([[title, text], path], index) => {
          const state = done[index] ? "done" : index === now ? "current" : "todo";
          const tone = { done: "good", current: "info", todo: "plain" } as const;
          return (
            <li key={title} aria-current={index === now ? "step" : undefined}>
              <h3>
                {index + 1}. {title}
              </h3>
              <p class="hint">{text}</p>
              <Badge tone={tone[state]}>{t.steps[state]}</Badge>{" "}
              <LinkButton href={hrefOf(`merchant/${path}`)} kind={state === "current" ? "primary" : "plain"}>
                {state === "done" ? t.view : t.steps.go}
                <span class="unseen"> {title}</span>
              </LinkButton>
            </li>
          );
        })}
      </ol>
    </>
  );
}
