import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { useText } from "../i18n/index.ts";
import type { Problem } from "../problems.ts";
import { Button } from "./button.tsx";
import { ProblemNote } from "./problem.tsx";

interface Props {
  title: string;
  children?: ComponentChildren;
  confirm: string;
  keep?: string;
  kind?: "primary" | "danger";
  busy: boolean;
  problem: Problem | null;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is done; the browser keeps the focus inside, and Escape closes it. */
export function Dialog({ title, children, confirm, keep, kind = "primary", ...props }: Props) {
  const t = useText();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close(); // gives the focus back to where it was
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (!props.busy) props.onConfirm();
        }}
      >
        <h2 id={id}>{title}</h2>
        {children}
        <ProblemNote problem={props.problem} />
        <div class="actions">
          <Button onClick={props.onClose}>{keep ?? t.cancel}</Button>
          <Button kind={kind} type="submit" busy={props.busy}>
            {confirm}
          </Button>
        </div>
      </form>
    </dialog>
  );
}
