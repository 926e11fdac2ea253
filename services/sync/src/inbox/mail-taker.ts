// Makes observations of a batch of mails that was fetched, and saves them with the cursor that covers them.
import type { Clock } from '@rejoinder/base/clock';
import { count } from '@rejoinder/runtime/count';
import type { Logger } from '@rejoinder/runtime/logging';
import { roleByLabels } from '../imap/folder-plan.js';
import type { ImapSession, SeenMail } from '../imap/imap-session.js';
import type { Folder } from './folder-store.js';
import { observeBatch } from './observe-batch.js';
import type { Observation, Surroundings } from './observe.js';
import type { Cursor, ObservedStore } from './observed-store.js';
import { nameOriginals } from './report-originals.js';
import type { SessionRow } from './session-store.js';
import { settleDoubts } from './settle-doubts.js';

export interface MailTakerParts {
  session: SessionRow;
  imap: ImapSession;
  observed: ObservedStore;
  around: Pick<Surroundings, 'hash' | 'isSigned' | 'isOwn'>;
  /** Of the addresses of the mailbox. */
  ownHashes: readonly Buffer[];
  clock: Clock;
  logger: Logger;
}

export class MailTaker {
  constructor(private readonly parts: MailTakerParts) {}

  /** The folder is open. */
  async observe(folder: Folder, mails: SeenMail[]): Promise<Observation[]> {
    const { session, imap, around, clock, logger } = this.parts;
    const isLogFolder = session.logFolder !== '' && folder.path === session.logFolder;
    const now = clock.now();
    const placed = mails.map((mail) => ({ mail, role: mail.labels ? roleByLabels(mail.labels, folder.role) : folder.role }));
    // Among all mail lie drafts too, a new one with each change.
    const written = placed.filter(({ mail }) => !mail.labels || !mail.flags.has('\\Draft') || isLogFolder);
    const observations = await observeBatch(written, { ...around, isLogFolder, now }, ({ uid }, error) =>
      // Its message may quote the header.
      logger.error({ inboxId: session.inboxId, folderId: folder.folderId, uid, error: nameOf(error) }, 'a header cannot be read'),
    );
    const unread = await nameOriginals(observations, imap, around);
    if (unread > 0) {
      count('rejoinder.sync.unread_reports', unread);
      logger.warn({ inboxId: session.inboxId, folderId: folder.folderId, unread }, 'delivery reports are not looked into');
    }
    return observations;
  }

  async store(folder: Folder, cursor: Cursor, observations: Observation[]): Promise<void> {
    const { session, observed, ownHashes } = this.parts;
    await settleDoubts(observations, (hashes) => observed.known(session.tenantId, hashes));
    await observed.save({ session, folder, cursor, observations, ownHashes });
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
