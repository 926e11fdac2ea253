// Settles which mail is answered where an In-Reply-To has several words: the first that is a mail we know.
import type { Observation } from './observe.js';

/** `known` answers, of hashes of Message-IDs, those that were seen, in hex. */
export async function settleDoubts(
  observations: readonly Observation[],
  known: (hashes: Buffer<ArrayBuffer>[]) => Promise<ReadonlySet<string>>,
): Promise<void> {
  const doubtful = observations.filter(({ doubtfulHashes }) => doubtfulHashes.length > 0);
  if (doubtful.length === 0) return;
  const seen = await known(doubtful.flatMap(({ doubtfulHashes }) => doubtfulHashes));
  for (const { doubtfulHashes, mail } of doubtful) {
    const parent = doubtfulHashes.find((hash) => seen.has(hash.toString('hex')));
    if (parent) mail.chainHashes = [...mail.chainHashes.filter((hash) => !parent.equals(hash)), parent];
  }
}
