import { announce } from "../../announce.ts";
import { call, type Schema } from "../../api.ts";
import { useDraft } from "../../draft.ts";
import { useText } from "../../i18n/index.ts";
import { useAction, useFollow, useLoad, type Load } from "../../load.ts";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/card.tsx";
import { Facts } from "../../parts/facts.tsx";
import { SelectField, TextField, useFieldErrors } from "../../parts/field.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Moment } from "../../parts/moment.tsx";
import { Badge, Note, type Tone } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { certification } from "./certified.ts";

type Certification = Schema["Certification"];
type Application = Schema["Application"];

const TONES: Record<Schema["Status"], Tone> = {
  submitted: "info",
  certified: "good",
  refused: "bad",
  suspended: "warn",
};
const MOST_DOCUMENTS = 20;

export function CertificationScreen() {
  const t = useText();
  const load = useLoad("certification", certification);
  useFollow(load, {
    done: (certification) => certification?.status !== "submitted",
    waits: () => true,
  });
  const current = load.data;
  const ended = !load.loading || load.data !== null;
  const open = ended && !load.problem && (current === null || current.status === "refused");
  return (
    <Page title={t.nav.certification} lead={t.certification.lead}>
      {ended && current === null && !load.problem && (
        <Note tone="plain" title={t.certification.states.none} />
      )}
      <Loaded load={load}>
        {(data) => data && <Standing certification={data} />}
      </Loaded>
      {open && <ApplicationForm refused={current} put={load.put} />}
    </Page>
  );
}

export function CertificationStatus({ status }: { status: Schema["Status"] }) {
  const t = useText();
  return <Badge tone={TONES[status]}>{t.certification.states[status]}</Badge>;
}

function Standing({ certification: { application, ...state } }: { certification: Certification }) {
  const t = useText();
  const texts: Partial<Record<Schema["Status"], string>> = {
    submitted: t.certification.waiting,
    refused: t.certification.refusedText,
    suspended: t.certification.suspendedText,
  };
  const causes = state.suspension_causes.map((each) => t.certification.causes[each] ?? each);
  return (
    <Card title={t.operator.status}>
      <p>
        <CertificationStatus status={state.status} /> {texts[state.status]}
      </p>
      <Facts
        items={[
          [t.certification.reason, state.reason],
          [t.certification.submittedAt, <Moment at={state.submitted_at} />],
          [t.certification.decidedAt, state.decided_at && <Moment at={state.decided_at} />],
          [t.certification.suspendedSince, state.suspended_since && <Moment at={state.suspended_since} />],
          [t.certification.causesLabel, causes.length > 0 ? causes.join(", ") : null],
        ]}
      />
      <ApplicationFacts application={application} />
    </Card>
  );
}

export function ApplicationFacts({ application }: { application: Application }) {
  const t = useText();
  const { contact, documents } = application;
  return (
    <Facts
      items={[
        [t.certification.company_name, application.company_name],
        [t.certification.unified_social_credit_code, <code>{application.unified_social_credit_code}</code>],
        [t.certification.legal_representative, application.legal_representative],
        [t.certification.contact, `${contact.name}, ${contact.phone}, ${contact.email}`],
        [
          t.certification.documents,
          documents.map((each) => `${t.certification.kinds[each.kind]}: ${each.reference}`).join("; "),
        ],
      ]}
    />
  );
}

const EMPTY: Application = {
  company_name: "",
  unified_social_credit_code: "",
  legal_representative: "",
  contact: { name: "", phone: "", email: "" },
  documents: [{ kind: "business_licence", reference: "" }],
};

interface FormProps {
  refused: Certification | null;
  put: Load<Certification | null>["put"];
}

function ApplicationForm({ refused, put }: FormProps) {
  const t = useText();
  const words = t.certification;
  const [typed, change, clear] = useDraft<Application>("certification", () => refused?.application ?? EMPTY);
  const submit = useAction(async () => {
    put(await call("post", "/certification", { body: typed }));
    clear();
    announce(words.submitted);
  });
  const errors = useFieldErrors(submit.problem);
  const { contact, documents } = typed;
  const setDocument = (index: number, part: Partial<Schema["Document"]>) =>
    change({ documents: documents.map((each, at) => (at === index ? { ...each, ...part } : each)) });
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit.run();
      }}
    >
      <Card title={words.form}>
        <div class="fields">
          <TextField
            label={words.company_name}
            value={typed.company_name}
            required
            maxLength={100}
            error={errors.company_name}
            onChange={(company_name) => change({ company_name })}
          />
          <TextField
            label={words.unified_social_credit_code}
            hint={words.codeHint}
            value={typed.unified_social_credit_code}
            required
            error={errors.unified_social_credit_code}
            onChange={(value) => change({ unified_social_credit_code: value.trim().toUpperCase() })}
          />
          <TextField
            label={words.legal_representative}
            value={typed.legal_representative}
            required
            maxLength={100}
            error={errors.legal_representative}
            onChange={(legal_representative) => change({ legal_representative })}
          />
          <TextField
            label={words.contactName}
            value={contact.name}
            required
            maxLength={100}
            error={errors["contact/name"]}
            onChange={(name) => change({ contact: { ...contact, name } })}
          />
          <TextField
            label={words.contactPhone}
            hint={t.shop.phoneHint}
            value={contact.phone}
            required
            inputMode="tel"
            error={errors["contact/phone"]}
            onChange={(phone) => change({ contact: { ...contact, phone } })}
          />
          <TextField
            label={words.contactEmail}
            value={contact.email}
            required
            inputMode="email"
            error={errors["contact/email"]}
            onChange={(email) => change({ contact: { ...contact, email } })}
          />
        </div>
        <fieldset>
          <legend>{words.documents}</legend>
          <p class="hint">{words.documentsHint}</p>
          {errors.documents && <p class="error">{errors.documents}</p>}
          {documents.map((document, index) => (
            <fieldset class="row" key={index}>
              <legend class="unseen">{words.documentN(index + 1)}</legend>
              <SelectField
                label={words.kind}
                value={document.kind}
                choices={words.kinds}
                onChange={(kind) => setDocument(index, { kind: kind as Schema["DocumentKind"] })}
              />
              <TextField
                label={words.reference}
                value={document.reference}
                required
                maxLength={512}
                error={errors[`documents/${index}/reference`]}
                onChange={(reference) => setDocument(index, { reference })}
              />
              {documents.length > 1 && (
                <Button
                  label={words.removeDocument(index + 1)}
                  onClick={() => change({ documents: documents.filter((_, at) => at !== index) })}
                >
                  ✕
                </Button>
              )}
            </fieldset>
          ))}
          {documents.length < MOST_DOCUMENTS && (
            <Button onClick={() => change({ documents: [...documents, { kind: "other", reference: "" }] })}>
              {words.addDocument}
            </Button>
          )}
        </fieldset>
        <ProblemNote problem={submit.problem} />
        <div class="form-end">
          <Button kind="primary" type="submit" busy={submit.busy}>
            {refused ? words.resubmit : words.submit}
          </Button>
        </div>
      </Card>
    </form>
  );
}
