import { useEffect, useRef, useState } from "preact/hooks";
import { call, type Schema } from "../../api.ts";
import { difference } from "../../diff.ts";
import { useText } from "../../i18n/index.ts";
import { useAction, type Load } from "../../load.ts";
import { Button } from "../../parts/button.tsx";
import { CheckField } from "../../parts/field.tsx";
import { Badge, Note } from "../../parts/note.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { Problem } from "../../problems.ts";
import { hrefOf } from "../../router.ts";
import { Terms, useHolds } from "./policy_terms.tsx";

type Policy = Schema["RefundPolicy"];

interface Props {
  reviewed: Policy;
  ready: Load<{ shop: boolean; certified: boolean }>;
  onReview: (policy: Policy) => void;
  onEdit: () => void;
  onConfirmed: (policy: Policy) => void;
  onElsewhere: () => void;
}

/**
 * Shows exactly what will be confirmed, and confirms that, by its digest.
 *
 * Whoever was faster is told: a policy confirmed elsewhere is shown, a draft changed meanwhile is
 * compared with what was reviewed and has to be reviewed anew.
 */
export function PolicyReview({ reviewed, ready, onReview, onEdit, onConfirmed, onElsewhere }: Props) {
  const t = useText();
  const words = t.settlement;
  const [assent, setAssent] = useState(false);
  const holds = useHolds(reviewed);
  const [changed, setChanged] = useState<Policy | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    setAssent(false);
    heading.current?.focus();
  }, [reviewed.digest]);

  const confirm = useAction(async () => {
    try {
      const body = { digest: reviewed.digest ?? "" };
      onConfirmed(await call("post", "/refund-policy/confirm", { body }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.code === "policy_already_confirmed") onElsewhere();
      else if (error.code === "policy_draft_changed") setChanged(await call("get", "/refund-policy"));
      else if (error.status === 0) await lookAgain(error);
      else throw error;
    }
  });

  /** No answer came: it may be confirmed all the same, by this very request. */
  const lookAgain = async (error: Problem) => {
    const now = await call("get", "/refund-policy");
    if (now.status !== "confirmed") throw error;
    if (now.digest === reviewed.digest) onConfirmed(now);
    else onElsewhere();
  };

  if (changed) {
    return (
      <Changed
        before={reviewed}
        now={changed}
        onReview={() => {
          setChanged(null);
          onReview(changed);
        }}
        onEdit={onEdit}
      />
    );
  }
  const lacking = [
    !reviewed.instant_refund && ([words.needSwitch, null] as const),
    ready.data && !ready.data.shop && ([words.needShop, "merchant/shop"] as const),
    ready.data && !ready.data.certified && ([words.needCertification, "merchant/certification"] as const),
  ].filter((each) => !!each);
  return (
    <div class="stack">
      <h3 ref={heading} tabIndex={-1}>
        {words.reviewTitle}
      </h3>
      <p>{words.reviewLead}</p>
      <p>
        {words.switch}:{" "}
        <Badge tone={reviewed.instant_refund ? "good" : "warn"}>
          {reviewed.instant_refund ? words.on : words.off}
        </Badge>
      </p>
      <Terms policy={reviewed} holds={holds} />
      <Note tone="warn" title={words.final} />
      <ProblemNote problem={ready.problem} onRetry={ready.reload} />
      {lacking.length > 0 && (
        <Note tone="bad" title={words.notYet}>
          <ul>
            {lacking.map(([text, path]) => (
              <li key={text}>{path ? <a href={hrefOf(path)}>{text}</a> : text}</li>
            ))}
          </ul>
        </Note>
      )}
      <CheckField label={words.assent} checked={assent} onChange={setAssent} />
      <ProblemNote problem={confirm.problem} />
      <div class="form-end">
        <Button onClick={onEdit}>{words.edit}</Button>
        <Button
          kind="primary"
          busy={confirm.busy}
          disabled={!assent || !holds || lacking.length > 0}
          onClick={() => void confirm.run()}
        >
          {words.confirm}
        </Button>
      </div>
    </div>
  );
}

interface ChangedProps {
  before: Policy;
  now: Policy;
  onReview: () => void;
  onEdit: () => void;
}

function Changed({ before, now, onReview, onEdit }: ChangedProps) {
  const t = useText();
  const words = t.settlement;
  return (
    <div class="stack">
      <Note tone="warn" live title={words.changed}>
        <p>{words.changedLead}</p>
      </Note>
      <dl class="terms">
        {before.instant_refund !== now.instant_refund && (
          <>
            <dt>{words.switch}</dt>
            <dd>
              <Difference
                before={before.instant_refund ? words.on : words.off}
                now={now.instant_refund ? words.on : words.off}
              />
            </dd>
          </>
        )}
        <dt>{words.reasons}</dt>
        <dd class="verbatim">
          <Difference before={before.statement?.reasons ?? ""} now={now.statement?.reasons ?? ""} />
        </dd>
        <dt>{words.handling}</dt>
        <dd class="verbatim">
          <Difference before={before.statement?.handling ?? ""} now={now.statement?.handling ?? ""} />
        </dd>
      </dl>
      <div class="form-end">
        <Button onClick={onEdit}>{words.edit}</Button>
        <Button kind="primary" onClick={onReview}>
          {words.reviewAgain}
        </Button>
      </div>
    </div>
  );
}

function Difference({ before, now }: { before: string; now: string }) {
  const t = useText();
  return (
    <>
      {difference(before, now).map(({ kind, text }, index) => {
        if (kind === "same") return text;
        const Mark = kind === "added" ? "ins" : "del";
        return (
          <Mark key={index}>
            <span class="unseen">[{t.settlement[kind]}: </span>
            {text}
            <span class="unseen">]</span>
          </Mark>
        );
      })}
    </>
  );
}
