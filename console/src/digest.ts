export interface Terms {
  instant_refund: boolean;
  statement: { reasons: string; handling: string };
}

/** The terms' digest as docs/policy.md defines it: SHA-256 of their canonical JSON (RFC 8785). */
export async function digestOf(terms: Terms): Promise<string> {
  const { reasons, handling } = terms.statement;
  const canonical = { instant_refund: terms.instant_refund, statement: { handling, reasons } };
  const bytes = new TextEncoder().encode(JSON.stringify(canonical));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
