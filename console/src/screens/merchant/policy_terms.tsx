import type { Schema } from "../../api.ts";
import { digestOf } from "../../digest.ts";
import { useText } from "../../i18n/index.ts";
import { useLoad } from "../../load.ts";
import { Sign } from "../../parts/note.tsx";

type Policy = Schema["RefundPolicy"];

/** Whether the digest is that of the text, computed here once more; null until it is. */
export function useHolds({ instant_refund, statement, digest }: Policy): boolean | null {
  const computed = useLoad(JSON.stringify({ instant_refund, statement }), async () =>
    statement ? digestOf({ instant_refund, statement }) : "",
  );
  return computed.data === null ? null : computed.data === digest;
}

/** The text as it is, to the letter, and its digest. */
export function Terms({ policy, holds }: { policy: Policy; holds: boolean | null }) {
  const t = useText();
  const { statement, digest } = policy;
  if (!statement) return null;
  return (
    <dl class="terms">
      <dt>{t.settlement.reasons}</dt>
      <dd class="verbatim">{statement.reasons}</dd>
      <dt>{t.settlement.handling}</dt>
      <dd class="verbatim">{statement.handling}</dd>
      <dt>{t.settlement.digest}</dt>
      <dd>
        <code class="digest">{digest}</code>
        {holds !== null && (
          <p class="hint">
            <Sign tone={holds ? "good" : "bad"} />{" "}
            {holds ? t.settlement.digestHolds : t.settlement.digestDiffers}
          </p>
        )}
      </dd>
    </dl>
  );
}
