import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useText } from "../i18n/index.ts";
import { navigated } from "../router.ts";

interface Props {
  title: string;
  lead?: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A screen. Going to it moves the focus to its heading, so that a screen reader begins there. */
export function Page({ title, lead, actions, children }: Props) {
  const t = useText();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (navigated.get() > 0) heading.current?.focus();
  }, []);
  useEffect(() => {
    document.title = `${title} · ${t.product}`;
  }, [title, t]);
  return (
    <>
      <div class="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead && <p class="lead">{lead}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}
