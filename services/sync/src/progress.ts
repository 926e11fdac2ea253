// How far the reading of a mailbox is, and how long the rest takes at the rate it has had.

export interface Reading {
  /** Mails whose headers were seen, of so many, in the folders that are looked at. */
  seen: number;
  total: number;
}

interface ReadFolder {
  lookedAt: boolean;
  seen: bigint;
  total: bigint;
}

/** After less there is no rate to speak of. */
const leastMs = 2_000;

export function readingOf(folders: readonly ReadFolder[]): Reading {
  const looked = folders.filter(({ lookedAt }) => lookedAt);
  const sum = (of: (folder: ReadFolder) => bigint) => Number(looked.reduce((all, folder) => all + of(folder), 0n));
  return { seen: sum(({ seen }) => seen), total: sum(({ seen, total }) => (total > seen ? total : seen)) };
}

/** Undefined where nothing was read yet since then, or for too short a time. */
export function leftSeconds({ seen, total }: Reading, seenBefore: number, sinceMs: number): number | undefined {
  const read = seen - seenBefore;
  if (read <= 0 || sinceMs < leastMs) return undefined;
  return Math.ceil(((total - seen) * sinceMs) / read / 1_000);
}
