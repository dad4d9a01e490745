/** Points and bars in the coordinates of a picture: y grows downwards. */
export interface Frame {
  width: number;
  height: number;
  pad: number;
}

/** An SVG path through the values, evenly spaced, from the first at the left. */
export function linePath(values: number[], { width, height, pad }: Frame): string {
  const low = Math.min(...values, 0);
  const high = Math.max(...values, low + 1);
  const step = (width - 2 * pad) / Math.max(values.length - 1, 1);
  const y = (value: number) => height - pad - ((value - low) / (high - low)) * (height - 2 * pad);
  const at = (value: number, index: number) => `${round(pad + index * step)},${round(y(value))}`;
  return values.map((value, index) => `${index === 0 ? "M" : "L"}${at(value, index)}`).join("");
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
