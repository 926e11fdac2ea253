// Over which UIDs of a folder the connection breaks each time: narrowed down to one mail, from session to session.
import type { UidRange } from '../imap/uid-ranges.js';

export interface Suspects {
  folderId: string;
  uidValidity: bigint;
  from: number;
  to: number;
  /** Ends of the connection over these. */
  breaks: number;
  /** It is no accident any more: half of them is asked for at a time. */
  isNarrowing: boolean;
}

/** So many ends over the same mails, with none of them read in between, are no accident. */
export const maxBreaks = 3;

type Place = Pick<Suspects, 'folderId' | 'uidValidity'>;

export const areIn = (suspects: Suspects, { folderId, uidValidity }: Place): boolean =>
  suspects.folderId === folderId && suspects.uidValidity === uidValidity;

export const overlaps = (suspects: Suspects, [from, to]: UidRange): boolean => suspects.from <= to && from <= suspects.to;

/** Who is suspected once the connection has broken over these, too. */
export function afterBreak(before: Suspects | undefined, { folderId, uidValidity }: Place, asked: UidRange): Suspects {
  const place = { folderId, uidValidity };
  const [from, to] = asked;
  if (!before || !areIn(before, place) || !overlaps(before, asked)) return { ...place, from, to, breaks: 1, isNarrowing: false };
  const both = { from: Math.max(from, before.from), to: Math.min(to, before.to) };
  if (before.isNarrowing && both.to - both.from < before.to - before.from) return { ...place, ...both, breaks: 1, isNarrowing: true };
  const breaks = before.breaks + 1;
  return { ...place, ...both, breaks, isNarrowing: before.isNarrowing || breaks >= maxBreaks };
}
