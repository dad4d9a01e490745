import { createElement, options, render, type ComponentChildren } from "preact";

// Nothing is drawn here, so there is no frame to wait for.
options.requestAnimationFrame = (run) => queueMicrotask(run);
options.debounceRendering = (run) => queueMicrotask(run);

type Around = (children: ComponentChildren) => ComponentChildren;

export interface Used<T> {
  /** What the hook returned at the last rendering. */
  readonly now: T;
  /** Renders again, with whatever `use` reads by then. */
  again(): void;
  /** As if its screen were left. */
  end(): void;
}

/** Uses a hook as a component would that draws nothing: no page is needed. */
export function used<T>(use: () => T, around: Around = (children) => children): Used<T> {
  const place = { nodeType: 1, childNodes: [], firstChild: null } as unknown as Element;
  let now: T;
  function Probe() {
    now = use();
    return null;
  }
  const again = () => render(around(createElement(Probe, null)) as never, place);
  again();
  return {
    get now() {
      return now;
    },
    again,
    end: () => render(null, place),
  };
}

/** Lets whatever has been answered be taken in. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}
