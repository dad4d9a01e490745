import type { ComponentChildren } from "preact";
import { useText } from "../i18n/index.ts";
import type { Shown } from "../load.ts";
import { ProblemNote } from "./problem.tsx";

interface Props<T> {
  load: Shown<T>;
  children: (data: T) => ComponentChildren;
}

/** What was loaded; until then a spinner, shown only to who has to wait; or why it failed. */
export function Loaded<T>({ load, children }: Props<T>) {
  return (
    <div class="loaded" aria-busy={load.loading}>
      <ProblemNote problem={load.problem} onRetry={load.reload} />
      {load.data !== null ? children(load.data) : !load.problem && load.loading && <Waiting />}
    </div>
  );
}

export function Waiting() {
  const t = useText();
  return (
    <p class="waiting" role="status">
      <span class="spinner" aria-hidden="true" /> {t.loading}
    </p>
  );
}

export function Empty({ title, text }: { title: string; text?: string }) {
  return (
    <div class="empty">
      <svg viewBox="0 0 64 48" width="64" height="48" aria-hidden="true">
        <path d="M8 20 18 6h28l10 14v20a4 4 0 0 1-4 4H12a4 4 0 0 1-4-4z" />
        <path d="M8 20h14l4 7h12l4-7h14" />
      </svg>
      <p>{title}</p>
      {text && <p class="hint">{text}</p>}
    </div>
  );
}
