// UIDs as an IMAP sequence set, short where they follow on each other (RFC 9051 §9, sequence-set).

/** Takes UIDs in any order. Gives such as `1:4,7,9:12`; empty for none. */
export function uidRanges(uids: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const uid of [...new Set(uids)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[1] === uid - 1) last[1] = uid;
    else ranges.push([uid, uid]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}:${to}`)).join(',');
}
