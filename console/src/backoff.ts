/** How long one answer is waited for, in milliseconds: a little longer than the API waits for it. */
export const LONGEST_MS = 31_000;

/** How long to wait before each look, in milliseconds: soon at first, then ever less often. */
export function pollDelay(look: number, waitsForFunds: boolean): number {
  const delay = Math.min(500 * 2 ** look, 30_000);
  return waitsForFunds ? Math.max(delay, 10_000) : delay;
}

/** Before sending the same request again: doubling from 0.2 s, a random half of it. */
export function retryDelay(attempt: number, random = Math.random()): number {
  const whole = Math.min(200 * 2 ** attempt, 10_000);
  return whole / 2 + (whole / 2) * random;
}
