/**
 * One key for one intent: made when the form opens, kept for every retry of it.
 *
 * A key is bound for ever once its request was taken. These answers say that it is bound to
 * something else than what the person will send next, so that the next intent needs a new one.
 */
const BOUND = new Set(["goods_not_intact", "idempotency_key_reused"]);

export function newKey(): string {
  return crypto.randomUUID();
}

export function keyAfter(code: string | undefined, key: string, make = newKey): string {
  return code !== undefined && BOUND.has(code) ? make() : key;
}
