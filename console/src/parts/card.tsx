import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Props {
  title?: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

export function Card({ title, actions, children }: Props) {
  const id = useId();
  return (
    <section class="card" aria-labelledby={title && id}>
      {(title || actions) && (
        <div class="card-head">
          {title && <h2 id={id}>{title}</h2>}
          {actions && <div class="actions">{actions}</div>}
        </div>
      )}
      {children}
    </section>
  );
}
