import { remember, remembered } from "./memory.ts";

const MOST = 8;
const local = () => localStorage;
const named = (subject: string) => `lately:${subject}`;

/** The merchants that an operator opened last, the latest first. */
export function lately(subject: string): string[] {
  return remembered(local, named(subject))?.split(" ") ?? [];
}

export function openedLately(subject: string, merchant: string): void {
  const others = lately(subject).filter((each) => each !== merchant);
  remember(local, named(subject), [merchant, ...others].slice(0, MOST).join(" "));
}

/** On signing out. */
export function forgetLately(subject: string): void {
  remember(local, named(subject), null);
}
