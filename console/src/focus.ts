/**
 * What has the focus may go, with its row, its form or its step; the focus would then be nowhere,
 * and the next Tab begin at the top of the page. The screen's heading gets it instead.
 */
export function keepFocus(root: HTMLElement): void {
  let last: Element | null = null;
  root.addEventListener("focusin", (event) => {
    last = event.target as Element;
  });
  new MutationObserver(() => {
    if (!last || last.isConnected || document.activeElement !== document.body) return;
    last = null;
    root.querySelector<HTMLElement>("h1")?.focus();
  }).observe(root, { childList: true, subtree: true });
}
