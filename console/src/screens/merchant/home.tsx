import { call, type Schema } from "../../api.ts";
import { useText } from "../../i18n/index.ts";
import { NOW_AND_THEN, useFollow, useLoad } from "../../load.ts";
import { LinkButton } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { RefundsByDay } from "../../parts/charts.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Badge, Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { Moment } from "../../parts/moment.tsx";
import { hrefOf } from "../../router.ts";
import { CertificationStatus } from "./certification.tsx";
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
  useFollow(load, NOW_AND_THEN);
  return (
    <Page title={t.home} lead={load.data?.shop.name ?? ""}>
      <Card title={t.steps.title}>
        <Loaded load={load}>
          {(data) => (
            <>
              <Standing {...data} />
              <FourSteps {...data} />
            </>
          )}
        </Loaded>
      </Card>
      <Card title={t.refunds.byDay}>
        <RefundsByDay />
      </Card>
    </Page>
  );
}

function Standing({ certification, policy }: Progress) {
  const t = useText();
  if (policy.status !== "confirmed") return <p class="lead">{t.steps.lead}</p>;
  const suspended = certification?.status === "suspended";
  return (
    <Note
      tone={suspended ? "warn" : "good"}
      title={suspended ? t.certification.suspendedText : t.steps.allDone}
    >
      {policy.confirmed_at && (
        <p>
          {t.settlement.since}: <Moment at={policy.confirmed_at} />
        </p>
      )}
    </Note>
  );
}

function FourSteps({ shop, certification, policy }: Progress) {
  const t = useText();
  const confirmed = policy.status === "confirmed";
  const drafted = policy.status === "draft" && policy.instant_refund;
  const done = [shop.complete, certification?.status === "certified", confirmed || drafted, confirmed];
  const now = done.indexOf(false);
  const steps: [readonly string[] | string[], string][] = [
    [t.steps.shop, "shop"],
    [t.steps.certification, "certification"],
    [t.steps.settlement, "settlement"],
    [t.steps.confirm, policy.status === "draft" ? "settlement/review" : "settlement"],
  ];
  return (
    <ol class="four">
      {steps.map(([[title, text], path], index) => {
        const state = done[index] ? "done" : index === now ? "current" : "todo";
        const tone = { done: "good", current: "info", todo: "plain" } as const;
        const application = path === "certification" && state !== "done" ? certification : null;
        // It is the platform's turn, unless there is something to submit anew.
        const waits = application !== null && application.status !== "refused";
        return (
          <li key={title} aria-current={index === now ? "step" : undefined}>
            <h3>
              {index + 1}. {title}
            </h3>
            <p class="hint">{text}</p>
            {application ? (
              <CertificationStatus status={application.status} />
            ) : (
              <Badge tone={tone[state]}>{t.steps[state]}</Badge>
            )}{" "}
            <LinkButton
              href={hrefOf(`merchant/${path}`)}
              kind={state === "current" && !waits ? "primary" : "plain"}
            >
              {state === "done" || waits ? t.view : t.steps.go}
              <span class="unseen"> {title}</span>
            </LinkButton>
          </li>
        );
      })}
    </ol>
  );
}
