import type { ComponentChildren } from "preact";
import { useEffect, useId } from "preact/hooks";
import { useText } from "../i18n/index.ts";
import { faults, type Problem } from "../problems.ts";

interface Common {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  optional?: boolean;
}

interface TextProps extends Common {
  value: string;
  onChange: (value: string) => void;
  type?: "text" | "date";
  lines?: number;
  required?: boolean;
  maxLength?: number;
  inputMode?: "decimal" | "numeric" | "tel" | "email" | "url" | undefined;
}

export function TextField({ value, onChange, lines, ...props }: TextProps) {
  const id = useId();
  const shared = {
    id,
    value,
    required: props.required,
    maxLength: props.maxLength,
    "aria-invalid": props.error ? true : undefined,
    "aria-describedby": describedBy(id, props),
    onInput: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) =>
      onChange(event.currentTarget.value),
  };
  return (
    <Labelled id={id} {...props}>
      {lines ? (
        <textarea {...shared} rows={lines} />
      ) : (
        <input
          {...shared}
          // Whatever kinds of input differ in is not used here.
          type={(props.type ?? "text") as "text"}
          inputMode={props.inputMode}
          autocomplete="off"
        />
      )}
    </Labelled>
  );
}

interface SelectProps extends Common {
  value: string;
  onChange: (value: string) => void;
  choices: Record<string, string>;
}

export function SelectField({ value, onChange, choices, ...props }: SelectProps) {
  const id = useId();
  return (
    <Labelled id={id} {...props}>
      <select
        id={id}
        value={value}
        aria-describedby={describedBy(id, props)}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {Object.entries(choices).map(([each, label]) => (
          <option key={each} value={each}>
            {label}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

/** One of a few, all in sight. */
export function ChoiceField({ value, onChange, choices, label, hint }: SelectProps) {
  const id = useId();
  return (
    <fieldset class="choice" aria-describedby={hint && `${id}-hint`}>
      <legend>{label}</legend>
      <div class="choices">
        {Object.entries(choices).map(([each, text]) => (
          <label key={each} class="radio">
            <input
              type="radio"
              name={id}
              value={each}
              checked={each === value}
              onChange={() => onChange(each)}
            />
            {text}
          </label>
        ))}
      </div>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </fieldset>
  );
}

interface CheckProps {
  label: string;
  hint?: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
  toggle?: boolean;
}

export function CheckField({ label, hint, checked, disabled, onChange, toggle }: CheckProps) {
  const id = useId();
  return (
    <div class={toggle ? "check switch" : "check"}>
      <input
        id={id}
        type="checkbox"
        role={toggle ? "switch" : undefined}
        checked={checked}
        disabled={disabled}
        aria-describedby={hint && `${id}-hint`}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <div>
        <label for={id}>{label}</label>
        {hint && (
          <p class="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

function Labelled({ id, label, hint, error, optional, children }: Common & { id: string; children: ComponentChildren }) {
  const t = useText();
  return (
    <div class="field">
      <label for={id}>
        {label}
        {optional && <span class="optional"> ({t.optional})</span>}
      </label>
      {children}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

function describedBy(id: string, { hint, error }: Common): string | undefined {
  const ids = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean);
  return ids.length > 0 ? ids.join(" ") : undefined;
}

/** What is wrong with each field, by its place in the form; the first of them gets the focus. */
export function useFieldErrors(problem: Problem | null): Record<string, string> {
  const t = useText();
  useEffect(() => document.querySelector<HTMLElement>("[aria-invalid]")?.focus(), [problem]);
  return Object.fromEntries(Object.entries(faults(problem)).map(([place, fault]) => [place, t.fault[fault]]));
}
