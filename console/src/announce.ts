import { store } from "./store.ts";

/** What a screen reader is told without moving the focus. */
export const announcement = store("");

export function announce(text: string): void {
  announcement.set("");
  setTimeout(() => announcement.set(text), 50);
}
