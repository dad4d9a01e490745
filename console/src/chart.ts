/** Points and bars in the coordinates of a picture: y grows downwards. */
export interface Frame {
  width: number;
  height: number;
  pad: number;
}

/** A value from a moment on, in milliseconds since 1970. */
export interface Step {
  at: number;
  value: number;
}

/** Between which values a picture is drawn: zero is always in it. */
export function range(values: number[]): [low: number, high: number] {
  const low = Math.min(...values, 0);
  const high = Math.max(...values, 0);
  return [low, high === low ? low + 1 : high];
}

/** An SVG path that keeps each value until the next: as far to the right as its time has passed. */
export function stepPath(steps: Step[], { width, height, pad }: Frame): string {
  const [low, high] = range(steps.map(({ value }) => value));
  const first = steps[0]?.at ?? 0;
  const span = Math.max((steps.at(-1)?.at ?? 0) - first, 1);
  const x = (at: number) => round(pad + ((at - first) / span) * (width - 2 * pad));
  const y = (value: number) => round(height - pad - ((value - low) / (high - low)) * (height - 2 * pad));
  return steps
    .map(({ at, value }, index) => (index === 0 ? `M${x(at)},${y(value)}` : `H${x(at)}V${y(value)}`))
    .join("");
}

export interface Bar {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function bars(values: number[], { width, height, pad }: Frame): Bar[] {
  const high = Math.max(...values, 1);
  const step = (width - 2 * pad) / Math.max(values.length, 1);
  return values.map((value, index) => {
    const tall = (value / high) * (height - 2 * pad);
    return {
      x: round(pad + index * step + step * 0.15),
      y: round(height - pad - tall),
      width: round(step * 0.7),
      height: round(tall),
    };
  });
}

/** How many there are on each of the last days, the oldest first. */
export function countByDay(days: string[], last: string[]): number[] {
  const counts = new Map<string, number>();
  for (const day of days) counts.set(day, (counts.get(day) ?? 0) + 1);
  return last.map((day) => counts.get(day) ?? 0);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
