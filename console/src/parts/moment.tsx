import { useEffect, useState } from "preact/hooks";
import { useText } from "../i18n/index.ts";
import { formatTime, remaining } from "../time.ts";

export function Moment({ at }: { at: string }) {
  const t = useText();
  return <time dateTime={at}>{formatTime(at, t.language)}</time>;
}

/** How far off it is, kept up to date; null once it is past. */
export function useRemaining(until: string | null): string | null {
  const t = useText();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!until) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [until]);
  return until ? remaining(until, now, t.language) : null;
}
