// Observes a batch of mails, a few at a time, so that other inboxes of the process have their turn in between.
import { setImmediate } from 'node:timers/promises';
import type { FolderRole } from '../imap/folder-plan.js';
import type { SeenMail } from '../imap/imap-session.js';
import { observeAny, type Observation, type Surroundings } from './observe.js';

/** About a millisecond's work. */
const mailsPerTurn = 50;
/** Header fields of one batch, about. */
const batchBytes = 4_000_000;

export interface PlacedMail {
  mail: SeenMail;
  role: FolderRole;
}

export async function observeBatch(
  placed: readonly PlacedMail[],
  around: Omit<Surroundings, 'role'>,
  onUnreadable: (mail: SeenMail, error: unknown) => void,
): Promise<Observation[]> {
  const observations: Observation[] = [];
  for (const [at, { mail, role }] of placed.entries()) {
    if (at > 0 && at % mailsPerTurn === 0) await setImmediate();
    observations.push(observeAny(mail, { ...around, role }, (error) => onUnreadable(mail, error)));
  }
  return observations;
}

/** How many mails make one batch, if they are as large as these. */
export function mailsThatFit(mails: readonly SeenMail[]): number {
  const bytes = mails.reduce((sum, { header }) => sum + header.length, 0);
  return bytes === 0 ? Infinity : Math.max(1, Math.floor((mails.length * batchBytes) / bytes));
}
