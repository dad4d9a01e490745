/** Money is a whole number of minor units and a currency; nothing here counts in floats. */

const MOST = 1_000_000_000_000n;

/** How many digits a minor unit is, of the currencies in which it is no hundredth. */
export const MINOR_DIGITS: Record<string, number> = {};

/** As ISO 4217 says: a browser goes by custom, and knows no fillér. */
export function minorDigits(currency: string): number {
  return MINOR_DIGITS[currency] ?? 2;
}

/** `12.30` as a person types it, in minor units; null if it is no amount of this currency. */
export function parseAmount(text: string, currency: string, least = 1n): number | null {
  const plain = text.normalize("NFKC").replace(/[\s,]/g, "");
  const parts = /^(\d{1,13})(?:\.(\d*))?$/.exec(plain);
  if (!parts) return null;
  const digits = minorDigits(currency);
  const fraction = (parts[2] ?? "").replace(/0+$/, "");
  if (fraction.length > digits) return null;
  const amount = BigInt(parts[1] + fraction.padEnd(digits, "0"));
  return amount < least || amount > MOST ? null : Number(amount);
}

/** The amount as a decimal number: `-12.30`. */
export function decimal(amount: number, currency: string): string {
  const digits = minorDigits(currency);
  const sign = amount < 0 ? "-" : "";
  const all = String(Math.abs(amount)).padStart(digits + 1, "0");
  if (digits === 0) return sign + all;
  return `${sign}${all.slice(0, -digits)}.${all.slice(-digits)}`;
}

export function formatAmount(
  amount: number,
  currency: string,
  language: string,
  signed = false,
): string {
  return new Intl.NumberFormat(language, {
    style: "currency",
    currency,
    minimumFractionDigits: minorDigits(currency),
    signDisplay: signed ? "exceptZero" : "auto",
  }).format(decimal(amount, currency) as Intl.StringNumericLiteral);
}

/** The same with a sign before it; zero is no movement. */
export function parseSigned(text: string, currency: string): number | null {
  const plain = text.normalize("NFKC").trim();
  const minus = /^[-−]/.test(plain);
  const amount = parseAmount(minus ? plain.slice(1) : plain, currency);
  return amount !== null && minus ? -amount : amount;
}
