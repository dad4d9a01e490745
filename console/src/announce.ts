import { store } from "./store.ts";

/** Long enough to be read, in milliseconds. */
const SHOWN_MS = 6000;

/** What was just done or has just changed: shown for a while, and read out without moving the focus. */
export const announcement = store("");
let shown: ReturnType<typeof setTimeout>;

export function announce(text: string): void {
  clearTimeout(shown);
  announcement.set("");
  setTimeout(() => announcement.set(text), 50);
  shown = setTimeout(() => announcement.set(""), SHOWN_MS);
}
