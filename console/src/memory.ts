/** What the browser keeps; a browser that keeps nothing is no reason to fail. */
export function remembered(storage: () => Storage, name: string): string | null {
  try {
    return storage().getItem(name);
  } catch {
    return null;
  }
}

export function remember(storage: () => Storage, name: string, value: string | null): void {
  try {
    if (value === null) storage().removeItem(name);
    else storage().setItem(name, value);
  } catch {
    // Full or forbidden: it is only a comfort.
  }
}
