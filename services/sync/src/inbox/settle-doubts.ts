// Settles which mail is answered where an In-Reply-To has several words: the first that is a mail we know.
import type { Observation } from './observe.js';

/** `known` answers, of hashes of Message-IDs, those that were seen before these mails, in hex. A first sync reads backwards: what is answered comes with its answer, or later. */
export async function settleDoubts(
  observations: readonly Observation[],
  known: (hashes: Buffer<ArrayBuffer>[]) => Promise<ReadonlySet<string>>,
): Promise<void> {
  const doubtful = observations.filter(({ doubtfulHashes }) => doubtfulHashes.length > 0);
  if (doubtful.length === 0) return;
  const before = await known(doubtful.flatMap(({ doubtfulHashes }) => doubtfulHashes));
  const here = new Set(observations.flatMap(({ messageIdHash }) => messageIdHash?.toString('hex') ?? []));
  for (const { doubtfulHashes, mail } of doubtful) {
    const parent = doubtfulHashes.find((hash) => before.has(hash.toString('hex')) || here.has(hash.toString('hex')));
    if (parent) mail.chainHashes = [...mail.chainHashes.filter((hash) => !parent.equals(hash)), parent];
  }
}
