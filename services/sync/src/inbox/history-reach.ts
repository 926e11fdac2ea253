// How far back history is wanted, and whether that is farther than it was taken.
import type { Folder } from './folder-store.js';

const dayMs = 86_400_000;
/** So little farther is what was wanted before. */
const slackMs = 3_600_000;
/** As far back as mail goes. */
export const everything = new Date(0);

/** Undefined for everything. */
export function historySince(historyDays: number, now: Date): Date | undefined {
  return historyDays > 0 ? new Date(now.getTime() - historyDays * dayMs) : undefined;
}

/** A folder that was left is listed anew, as far as is wanted now. */
export function wantsMore(folder: Folder, since: Date | undefined): boolean {
  if (folder.isLeft || folder.historySince === undefined) return false;
  return (since ?? everything).getTime() < folder.historySince.getTime() - slackMs;
}
