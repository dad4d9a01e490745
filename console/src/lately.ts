import { remember, remembered } from "./memory.ts";

const MOST = 8;
const local = () => localStorage;
const left = new Set<string>();
const named = (subject: string) => `lately:${subject}`;

/** The merchants that an operator opened last, the latest first. */
export function lately(subject: string): string[] {
  return remembered(local, named(subject))?.split(" ") ?? [];
}

export function openedLately(subject: string, merchant: string): void {
  if (left.has(subject)) return;
  const others = lately(subject).filter((each) => each !== merchant);
  remember(local, named(subject), [merchant, ...others].slice(0, MOST).join(" "));
}

/** On signing out; what is still under way then is not remembered either. */
export function forgetLately(subject: string): void {
  left.add(subject);
  remember(local, named(subject), null);
}
