const SECOND = 1000;
const DAY = 86_400 * SECOND;
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", DAY],
  ["hour", 3_600 * SECOND],
  ["minute", 60 * SECOND],
  ["second", SECOND],
];

export function formatTime(at: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(
    new Date(at),
  );
}

export function formatDay(at: string | Date, language: string): string {
  return new Intl.DateTimeFormat(language, { month: "numeric", day: "numeric" }).format(
    new Date(at),
  );
}

/** A moment on an axis that is so long: with the hour on a short one, with the year on a long one. */
export function formatTick(at: number, span: number, language: string): string {
  const options: Intl.DateTimeFormatOptions = { month: "numeric", day: "numeric" };
  if (span < 3 * DAY) Object.assign(options, { hour: "2-digit", minute: "2-digit" });
  if (span > 300 * DAY) options.year = "numeric";
  return new Intl.DateTimeFormat(language, options).format(at);
}

export function formatMonth(month: string, language: string): string {
  return new Intl.DateTimeFormat(language, {
    year: "numeric",
    month: "long",
    timeZone: "UTC",
  }).format(new Date(`${month}-01T00:00:00Z`));
}

/** How far off, in the two largest units: `6 days 3 hr`; null once it is past. */
export function remaining(until: string, now: number, language: string): string | null {
  let left = new Date(until).getTime() - now;
  if (left <= 0) return null;
  const parts: string[] = [];
  for (const [unit, length] of UNITS) {
    const count = Math.floor(left / length);
    left -= count * length;
    if (count === 0 && parts.length === 0 && unit !== "second") continue;
    parts.push(
      new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count),
    );
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** The local day of an instant, `2026-11-25`. */
export function localDay(at: string | number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The same with the time of day, as spreadsheets know it: `2026-11-25 09:00:01`. */
export function localTime(at: string): string {
  return `${localDay(at)} ${new Date(at).toTimeString().slice(0, 8)}`;
}

/** The instant at which a local day begins, or that many days later. */
export function startOfDay(day: string, later = 0): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
