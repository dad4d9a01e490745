import type { ComponentChildren } from "preact";

export type Tone = "info" | "good" | "warn" | "bad" | "plain";

const SIGNS: Record<Tone, string> = { info: "i", good: "✓", warn: "!", bad: "✕", plain: "–" };

export function Sign({ tone }: { tone: Tone }) {
  return (
    <span class={`sign ${tone}`} aria-hidden="true">
      {SIGNS[tone]}
    </span>
  );
}

interface Props {
  tone: Tone;
  title?: string;
  live?: boolean;
  children?: ComponentChildren;
}

/** Something to know. `live` ones are read out as they appear. */
export function Note({ tone, title, live, children }: Props) {
  const role = live ? (tone === "bad" ? "alert" : "status") : undefined;
  return (
    <div class={`note ${tone}`} role={role}>
      <Sign tone={tone} />
      <div>
        {title && <p class="note-title">{title}</p>}
        {children}
      </div>
    </div>
  );
}

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`badge ${tone}`}>
      <Sign tone={tone} />
      {children}
    </span>
  );
}
