import { useState } from "preact/hooks";
import { announce } from "../announce.ts";
import { call, type Schema } from "../api.ts";
import { useText } from "../i18n/index.ts";
import { useAction } from "../load.ts";
import { Dialog } from "./dialog.tsx";
import { ChoiceField, TextField } from "./field.tsx";

type Verdict = Schema["Verdict"];

interface Props {
  title: string;
  merchant: string;
  /** The decisions that the certification's state allows, with what each is called here. */
  choices: Partial<Record<Verdict, string>>;
  onDecided: (certification: Schema["Certification"]) => void;
  onClose: () => void;
}

/** An operator decides on a merchant's certification, with a reason. */
export function Decide({ title, merchant, choices, onDecided, onClose }: Props) {
  const t = useText();
  const [verdict, setVerdict] = useState(Object.keys(choices)[0] as Verdict);
  const [reason, setReason] = useState("");
  const decide = useAction(async () => {
    const decided = await call("post", "/certifications/{merchant_id}/decision", {
      path: { merchant_id: merchant },
      body: { decision: verdict, reason: reason.trim() || null },
    });
    announce(t.operator.decided);
    onDecided(decided);
  });
  return (
    <Dialog
      title={`${title} ${merchant}`}
      confirm={t.confirm}
      busy={decide.busy}
      problem={decide.problem}
      onConfirm={() => void decide.run()}
      onClose={onClose}
    >
      <ChoiceField
        label={t.operator.decision}
        value={verdict}
        choices={choices as Record<string, string>}
        onChange={(value) => setVerdict(value as Verdict)}
      />
      <TextField
        label={t.operator.reason}
        hint={t.operator.reasonRequired}
        lines={3}
        maxLength={2000}
        required={verdict !== "certified"}
        value={reason}
        onChange={setReason}
      />
    </Dialog>
  );
}
