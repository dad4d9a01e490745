import type { Schema } from "../../api.ts";
import { digestOf } from "../../digest.ts";
import { useText } from "../../i18n/index.ts";
import { useLoad } from "../../load.ts";
import { Sign } from "../../parts/note.tsx";

type Policy = Schema["RefundPolicy"];

/** The text as it is, to the letter, and its digest, computed here once more. */
export function Terms({ policy }: { policy: Policy }) {
  const t = useText();
  const { instant_refund, statement, digest } = policy;
  const computed = useLoad(digest ?? "", async () =>
    statement ? digestOf({ instant_refund, statement }) : "",
  );
  if (!statement) return null;
  const holds = computed.data === digest;
  return (
    <dl class="terms">
      <dt>{t.settlement.reasons}</dt>
      <dd class="verbatim">{statement.reasons}</dd>
      <dt>{t.settlement.handling}</dt>
      <dd class="verbatim">{statement.handling}</dd>
      <dt>{t.settlement.digest}</dt>
      <dd>
        <code class="digest">{digest}</code>
        {computed.data !== null && (
          <p class="hint">
            <Sign tone={holds ? "good" : "bad"} />{" "}
            {holds ? t.settlement.digestHolds : t.settlement.digestDiffers}
          </p>
        )}
      </dd>
    </dl>
  );
}
