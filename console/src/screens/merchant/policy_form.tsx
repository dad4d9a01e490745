import { useEffect, useRef } from "preact/hooks";
import { announce } from "../../announce.ts";
import { call, type Schema } from "../../api.ts";
import { useDraft } from "../../draft.ts";
import { useText } from "../../i18n/index.ts";
import { useAction } from "../../load.ts";
import { Button } from "../../parts/button.tsx";
import { CheckField, TextField, useFieldErrors } from "../../parts/field.tsx";
import { Moment } from "../../parts/moment.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { Problem } from "../../problems.ts";

type Policy = Schema["RefundPolicy"];

const LONGEST = 2000;

interface Typed {
  instant: boolean;
  reasons: string;
  handling: string;
}

interface Props {
  saved: Policy;
  onSaved: (policy: Policy) => void;
  onReview: () => void;
  onElsewhere: () => void;
}

/** The switch and the two texts; going on to the review saves them first. */
export function PolicyForm({ saved, onSaved, onReview, onElsewhere }: Props) {
  const t = useText();
  const words = t.settlement;
  const [typed, change, clear] = useDraft<Typed>("policy", () => typedOf(saved));
  const changed = !same(typed, typedOf(saved));
  const before = useRef(saved);
  // A colleague's draft that comes in is shown, unless something is typed here.
  useEffect(() => {
    if (same(typed, typedOf(before.current))) clear(typedOf(saved));
    before.current = saved;
  }, [saved.digest]);

  const save = useAction(async (review: boolean) => {
    try {
      const policy = changed || saved.status === "none" ? await put(typed) : saved;
      clear(typedOf(policy));
      onSaved(policy);
      if (review) onReview();
      else announce(words.draftSaved);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "policy_already_confirmed") throw error;
      clear();
      onElsewhere();
    }
  });
  const errors = useFieldErrors(save.problem);
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save.run(true);
      }}
    >
      <CheckField
        toggle
        label={words.switch}
        hint={words.switchHint}
        checked={typed.instant}
        disabled={save.busy}
        onChange={(instant) => change({ instant })}
      />
      <fieldset disabled={save.busy}>
        <legend>{words.statement}</legend>
        <TextField
          label={words.reasons}
          hint={`${words.reasonsHint} ${typed.reasons.length} / ${LONGEST}`}
          value={typed.reasons}
          lines={4}
          required
          maxLength={LONGEST}
          error={errors["statement/reasons"]}
          onChange={(reasons) => change({ reasons })}
        />
        <TextField
          label={words.handling}
          hint={`${words.handlingHint} ${typed.handling.length} / ${LONGEST}`}
          value={typed.handling}
          lines={4}
          required
          maxLength={LONGEST}
          error={errors["statement/handling"]}
          onChange={(handling) => change({ handling })}
        />
      </fieldset>
      <ProblemNote problem={save.problem} />
      <div class="form-end">
        <span class="hint" role="status">
          {changed
            ? words.unsaved
            : saved.updated_at && (
                <>
                  {words.draftSavedAt} <Moment at={saved.updated_at} />
                </>
              )}
        </span>
        <Button busy={save.busy} onClick={() => void save.run(false)}>
          {words.saveDraft}
        </Button>
        <Button kind="primary" type="submit" busy={save.busy}>
          {words.review}
        </Button>
      </div>
    </form>
  );
}

function put({ instant, reasons, handling }: Typed): Promise<Policy> {
  return call("put", "/refund-policy/draft", {
    body: { instant_refund: instant, statement: { reasons, handling } },
  });
}

function same(one: Typed, other: Typed): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function typedOf(policy: Policy): Typed {
  return {
    instant: policy.instant_refund,
    reasons: policy.statement?.reasons ?? "",
    handling: policy.statement?.handling ?? "",
  };
}
