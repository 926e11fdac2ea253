// UIDs as an IMAP sequence set, short where they follow on each other (RFC 9051 §9, sequence-set).

/** From and to, both included. */
export type UidRange = readonly [number, number];

/** Takes UIDs in any order. Gives such as `1:4,7,9:12`; empty for none. */
export function uidRanges(uids: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const uid of [...new Set(uids)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[1] === uid - 1) last[1] = uid;
    else ranges.push([uid, uid]);
  }
  return rangeSet(ranges);
}

/** The same of ranges. */
export const rangeSet = (ranges: readonly UidRange[]): string =>
  ranges.map(([from, to]) => (from === to ? String(from) : `${from}:${to}`)).join(',');

/** What of these ranges lies in one. */
export const within = (ranges: readonly UidRange[], [low, high]: UidRange): UidRange[] =>
  ranges.map(([from, to]): UidRange => [Math.max(from, low), Math.min(to, high)]).filter(([from, to]) => from <= to);

/** These ranges less some UIDs. */
export function without(ranges: readonly UidRange[], uids: ReadonlySet<number>): UidRange[] {
  let left = [...ranges];
  for (const uid of uids)
    left = left.flatMap(([from, to]): UidRange[] =>
      uid < from || uid > to
        ? [[from, to]]
        : (
            [
              [from, uid - 1],
              [uid + 1, to],
            ] satisfies UidRange[]
          ).filter(([low, high]) => low <= high),
    );
  return left;
}

/** Reads a set as a server wrote it, ranges in either direction; undefined for anything else, such as one with `*`. */
export function parseUidSet(set: string): UidRange[] | undefined {
  if (set === '') return [];
  const ranges = set.split(',').map((one): UidRange | undefined => {
    const found = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(one);
    if (!found) return undefined;
    const [a, b] = [Number(found[1]), Number(found[2] ?? found[1])];
    return [Math.min(a, b), Math.max(a, b)];
  });
  return ranges.every((one) => one !== undefined) ? ranges : undefined;
}

export const countUids = (ranges: readonly UidRange[]): number => ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);

/** So many at a time. */
export function uidBatches(uids: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(uids.length / size) }, (_, at) => uids.slice(at * size, (at + 1) * size));
}
