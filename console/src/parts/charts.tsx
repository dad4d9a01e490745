import { useId } from "preact/hooks";
import { call, type Schema } from "../api.ts";
import { bars, countByDay, range, stepPath } from "../chart.ts";
import { useText } from "../i18n/index.ts";
import { NOW_AND_THEN, useFollow, useLoad } from "../load.ts";
import { formatAmount } from "../money.ts";
import { formatDay, formatTick, localDay } from "../time.ts";
import { Loaded } from "./loaded.tsx";

const FRAME = { width: 600, height: 140, pad: 10 };
const DAYS = 14;
const DAY_MS = 86_400_000;
const MOST_PAGES = 10;
const PAGE = 100;

/** The balance over time, from the oldest of these entries to the newest. */
export function BalanceChart({ lines, currency }: { lines: Schema["StatementLine"][]; currency: string }) {
  const t = useText();
  const id = useId();
  const steps = lines.map((line) => ({ at: Date.parse(line.booked_at), value: line.available })).reverse();
  const [first, last] = [steps[0], steps.at(-1)];
  if (!first || !last || first === last) return null;
  const money = (amount: number) => formatAmount(amount, currency, t.language);
  const day = (at: number) => formatTick(at, last.at - first.at, t.language);
  const [low, high] = range(steps.map(({ value }) => value));
  const path = stepPath(steps, FRAME);
  const { width, height, pad } = FRAME;
  return (
    <figure class="chart">
      <figcaption id={id}>
        {t.wallet.overTimeText(
          steps.length,
          `${money(first.value)} (${day(first.at)})`,
          `${money(last.value)} (${day(last.at)})`,
        )}
      </figcaption>
      <div class="plot">
        <div class="axis-labels amounts" aria-hidden="true">
          <span>{money(high)}</span>
          <span>{money(low)}</span>
        </div>
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-labelledby={id}>
          <path class="area" d={`${path}V${height - pad}H${pad}Z`} />
          <path class="line" d={path} />
          <path class="axis" d={`M${pad} ${pad}V${height - pad}H${width - pad}`} />
        </svg>
        <div class="axis-labels times" aria-hidden="true">
          <span>{day(first.at)}</span>
          <span>{day((first.at + last.at) / 2)}</span>
          <span>{day(last.at)}</span>
        </div>
      </div>
    </figure>
  );
}

interface Recent {
  days: string[];
  /** False when there are more than are counted here. */
  all: boolean;
}

const NO_REFUND: Schema["RefundStatus"][] = ["refused", "canceled"];

/** The days on which a merchant's refunds of late were asked for, the newest first. */
async function recent(signal: AbortSignal): Promise<Recent> {
  const since = localDay(Date.now() - DAYS * DAY_MS);
  const days: string[] = [];
  let oldest = "";
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES; page++) {
    const { items, next_cursor }: Schema["RefundPage"] = await call("get", "/refunds", {
      query: { as: "merchant", limit: String(PAGE), cursor },
      signal,
    });
    for (const { status, timeline } of items) {
      oldest = localDay(timeline[0]?.at ?? 0);
      if (!NO_REFUND.includes(status)) days.push(oldest);
    }
    cursor = next_cursor;
    if (!cursor || (oldest && oldest < since)) return { days, all: true };
  }
  return { days, all: false };
}

/** How many refunds were asked for on each of the last days. */
export function RefundsByDay() {
  const load = useLoad("refunds-by-day", recent);
  // Of a busy merchant it takes page after page: too much to ask for again and again.
  useFollow(load, { ...NOW_AND_THEN, done: ({ days }) => days.length >= PAGE });
  return <Loaded load={load}>{(data) => <DayBars {...data} />}</Loaded>;
}

function DayBars({ days: asked, all }: Recent) {
  const t = useText();
  const id = useId();
  const now = Date.now();
  const days = Array.from({ length: DAYS }, (_, ago) => localDay(now - (DAYS - 1 - ago) * DAY_MS));
  const counts = countByDay(asked, days);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const label = (day: string) => formatDay(`${day}T12:00:00`, t.language);
  const { width, height, pad } = FRAME;
  return (
    <figure class="chart">
      <figcaption id={id}>{t.refunds.byDayText(all ? `${total}` : `${total}+`, DAYS)}</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-labelledby={id}>
        {bars(counts, FRAME).map((bar, index) => (
          <rect key={days[index]} class="bar" {...bar} rx="2">
            <title>{`${label(days[index] as string)}: ${counts[index]}`}</title>
          </rect>
        ))}
        <path class="axis" d={`M${pad} ${height - pad}H${width - pad}`} />
      </svg>
      <div class="axis-labels" aria-hidden="true">
        <span>{label(days[0] as string)}</span>
        <span>{label(days.at(-1) as string)}</span>
      </div>
    </figure>
  );
}
