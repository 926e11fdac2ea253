// Reads around mails that a server refuses: one that it cannot put together (Exchange: "could not be converted to RFC-822") must not hide all others.
import { uidRanges } from './uid-ranges.js';

export interface Reading<Mail> {
  /** Of a set of UIDs; throws where the server refuses one of them. */
  read: (range: string) => Promise<Mail[]>;
  /** UIDs of this set that are there. */
  there: (range: string) => Promise<number[]>;
  isRefusal: (error: unknown) => boolean;
}

/** A server that refuses more of one batch has trouble of another kind: then the refusal is thrown, and nothing is passed over. */
const maxRefused = 3;

/** Gives the mails of this set that can be read, ascending, and the UIDs of those that the server refuses, each by itself. */
export async function readAround<Mail>(range: string, around: Reading<Mail>): Promise<{ mails: Mail[]; refused: number[] }> {
  try {
    return { mails: await around.read(range), refused: [] };
  } catch (error) {
    if (!around.isRefusal(error)) throw error;
    const found = { mails: [] as Mail[], refused: [] as number[] };
    const uids = await around.there(range);
    if (uids.length === 0) throw error;
    await halves(uids, error, around, found);
    return found;
  }
}

/** `error` is what the server answered for all of them: it is asked for half as many, down to one. */
async function halves<Mail>(
  uids: number[],
  error: unknown,
  around: Reading<Mail>,
  found: { mails: Mail[]; refused: number[] },
): Promise<void> {
  if (uids.length === 1) {
    if (found.refused.length === maxRefused) throw error;
    found.refused.push(uids[0]!);
    return;
  }
  const middle = Math.ceil(uids.length / 2);
  for (const half of [uids.slice(0, middle), uids.slice(middle)]) {
    try {
      found.mails.push(...(await around.read(uidRanges(half))));
    } catch (refusal) {
      if (!around.isRefusal(refusal)) throw refusal;
      await halves(half, refusal, around, found);
    }
  }
}
