import { useText } from "../i18n/index.ts";

interface Props {
  label: string;
  names: string[];
  at: number;
}

/** How far along a short path of steps somebody is. */
export function Steps({ label, names, at }: Props) {
  const t = useText();
  return (
    <ol class="steps" aria-label={label}>
      {names.map((name, index) => {
        const state = index < at ? "done" : index === at ? "current" : "todo";
        return (
          <li key={name} class={state} aria-current={index === at ? "step" : undefined}>
            <span class="step-number" aria-hidden="true">
              {index < at ? "✓" : index + 1}
            </span>
            {name}
            <span class="unseen"> ({t.steps[state]})</span>
          </li>
        );
      })}
    </ol>
  );
}
