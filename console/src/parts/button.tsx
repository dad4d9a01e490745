import type { ComponentChildren } from "preact";

interface Props {
  children: ComponentChildren;
  kind?: "primary" | "plain" | "danger" | "link";
  type?: "button" | "submit";
  busy?: boolean;
  disabled?: boolean;
  label?: string;
  onClick?: () => void;
}

export function Button({ children, kind = "plain", type = "button", busy, disabled, label, onClick }: Props) {
  return (
    <button
      type={type}
      class={`button ${kind}`}
      aria-label={label}
      aria-busy={busy}
      aria-disabled={busy || undefined}
      disabled={disabled}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.();
      }}
    >
      {busy && <span class="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}

export function LinkButton({ href, children, kind = "plain" }: { href: string; children: ComponentChildren; kind?: string }) {
  return (
    <a class={`button ${kind}`} href={href}>
      {children}
    </a>
  );
}
