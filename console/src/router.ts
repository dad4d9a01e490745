import { CONSOLE } from "./base.ts";
import { store, useStore } from "./store.ts";

/** The address within the console, without a slash at either end. */
const address = store(current());
export const navigated = store(0);

export function current(): string {
  return decodeURI(location.pathname.slice(CONSOLE.pathname.length)).replace(/\/$/, "");
}

export function hrefOf(path: string): string {
  return CONSOLE.pathname + path;
}

export function go(path: string, replace = false): void {
  if (replace) history.replaceState(null, "", hrefOf(path));
  else history.pushState(null, "", hrefOf(path));
  follow();
  scrollTo(0, 0);
}

export function listen(): void {
  addEventListener("popstate", follow);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target || link.hasAttribute("download")) return;
    if (!link.href.startsWith(CONSOLE.href) || link.getAttribute("href")?.startsWith("#")) return;
    event.preventDefault();
    go(link.href.slice(CONSOLE.href.length));
  });
}

function follow(): void {
  address.set(current());
  navigated.set(navigated.get() + 1);
}

export function useAddress(): string {
  return useStore(address);
}
