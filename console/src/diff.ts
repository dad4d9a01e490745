export interface Change {
  kind: "same" | "removed" | "added";
  text: string;
}

const WORDS = /[\p{Script=Han}]|[\p{L}\p{N}]+|\s+|./gu;

/** What was taken out of a text and what was put in, word by word (a Han character is a word). */
export function difference(before: string, after: string): Change[] {
  const old = before.match(WORDS) ?? [];
  const now = after.match(WORDS) ?? [];
  const common = longestCommon(old, now);
  const changes: Change[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      add(changes, "same", old[i++] as string);
      j++;
    } else if (j >= now.length || (i < old.length && common(i + 1, j) >= common(i, j + 1))) {
      add(changes, "removed", old[i++] as string);
    } else {
      add(changes, "added", now[j++] as string);
    }
  }
  return changes;
}

/** The length of the longest common part of what begins at i and what begins at j. */
function longestCommon(old: string[], now: string[]): (i: number, j: number) => number {
  const width = now.length + 1;
  const lengths = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        old[i] === now[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
    }
  }
  return (i, j) => lengths[i * width + j] ?? 0;
}

function add(changes: Change[], kind: Change["kind"], text: string): void {
  const last = changes.at(-1);
  if (last?.kind === kind) last.text += text;
  else changes.push({ kind, text });
}
