import { useState } from "preact/hooks";
import { remember, remembered } from "./memory.ts";
import { useSession } from "./session.ts";

const session = () => sessionStorage;

/** What a person has typed, kept for them over a reload or a new sign-in in the same tab, until cleared. */
export function useDraft<T extends object>(
  name: string,
  initial: () => T,
): [T, (change: Partial<T>) => void, (next?: T) => void] {
  const key = `draft:${useSession().me.subject}:${name}`;
  const [value, setValue] = useState<T>(() => {
    const kept = remembered(session, key);
    return kept ? { ...initial(), ...(JSON.parse(kept) as T) } : initial();
  });
  const change = (part: Partial<T>) =>
    setValue((old) => {
      const next = { ...old, ...part };
      remember(session, key, JSON.stringify(next));
      return next;
    });
  const clear = (next?: T) => {
    remember(session, key, null);
    if (next) setValue(next);
  };
  return [value, change, clear];
}

/** On signing out: nothing typed stays for the next person at this browser. */
export function forgetDrafts(): void {
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith("draft:")) sessionStorage.removeItem(key);
    }
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
}
