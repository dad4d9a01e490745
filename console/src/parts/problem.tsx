import { useText, language } from "../i18n/index.ts";
import { tell } from "../i18n/errors.ts";
import { formatAmount } from "../money.ts";
import type { Problem } from "../problems.ts";
import { useStore } from "../store.ts";
import { formatTime } from "../time.ts";
import { Button } from "./button.tsx";
import { Note } from "./note.tsx";

interface Props {
  problem: Problem | null;
  onRetry?: () => void;
  /** Said before the problem, as in “It would be refused”. */
  lead?: string;
}

/** What went wrong; for a refusal the rule, the facts it was decided on, and what would change it. */
export function ProblemNote({ problem, onRetry, lead }: Props) {
  const t = useText();
  const chosen = useStore(language);
  if (!problem) return null;
  const { title, rule, remedy } = tell(problem, chosen, t);
  const facts = Object.entries(problem.document?.facts ?? {});
  return (
    <Note tone="bad" live title={lead ? `${lead}: ${title}` : title}>
      <dl class="facts">
        {rule && (
          <>
            <dt>{t.refusal.rule}</dt>
            <dd>{rule}</dd>
          </>
        )}
        {facts.length > 0 && (
          <>
            <dt>{t.refusal.facts}</dt>
            <dd>
              <ul class="plain-list">
                {facts.map(([name, value]) => (
                  <li key={name}>
                    {t.facts[name] ?? name}: <Fact name={name} value={value} problem={problem} />
                  </li>
                ))}
              </ul>
            </dd>
          </>
        )}
        {remedy && (
          <>
            <dt>{t.refusal.change}</dt>
            <dd>{remedy}</dd>
          </>
        )}
      </dl>
      {onRetry && problem.status !== 404 && <Button onClick={onRetry}>{t.retry}</Button>}
    </Note>
  );
}

function Fact({ name, value, problem }: { name: string; value: unknown; problem: Problem }) {
  const t = useText();
  const currency = problem.fact("currency");
  if (value === null) return <>{name === "requested" ? t.all : t.never}</>;
  if (typeof value === "number" && typeof currency === "string") {
    return <>{formatAmount(value, currency, t.language)}</>;
  }
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) {
    return <time dateTime={value}>{formatTime(value, t.language)}</time>;
  }
  const words: Record<string, Record<string, string>> = {
    goods_condition: t.refunds.conditions,
    role: t.role,
    status: { ...t.certification.states, ...t.refunds.states, ...t.operator.correctionStates },
  };
  return <>{words[name]?.[String(value)] ?? String(value)}</>;
}
