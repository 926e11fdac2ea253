// Folds what events tell of mails into what is known, and has changed engagements said again; all in the caller's transaction.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { EngagementWriter } from '../engagement/engagement-writer.js';
import { learn, type MailState, type Told } from './mail-state.js';
import { askWorker, blankAttachments, lockMails, saveAttachments, saveMails, type AttachmentRow, type MailKey } from './mail-store.js';
import type { Tx } from '../tx.js';

export interface ToldOf extends MailKey {
  told: Told;
  attachments?: AttachmentRow[];
  traceparent: string | undefined;
}

@Injectable()
export class MailWriter {
  constructor(
    private readonly engagements: EngagementWriter,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async take(tx: Tx, all: ToldOf[]): Promise<void> {
    const now = this.clock.now();
    const before = await lockMails(tx, all, now);
    const byMail = Map.groupBy(all, keyText);
    const after = before.map((mail) => byMail.get(keyText(mail))!.reduce((known, { told }) => learn(known, told), mail));
    const changed = after.filter((mail, at) => JSON.stringify(mail) !== JSON.stringify(before[at]));
    const toPlace = changed.filter((mail) => mail.toPlace);
    const forgotten = new Set(before.filter((mail) => mail.forgotten).map(keyText));
    const attachments = all.flatMap((one) => (forgotten.has(keyText(one)) ? [] : (one.attachments ?? [])));
    const blanked = after.filter((mail, at) => mail.sealedFacts === null && before[at]!.sealedFacts !== null);
    const shownOtherwise = after.filter((mail, at) => isShownOtherwise(before[at]!, mail));
    const moved = after.filter((mail, at) => !isShownOtherwise(before[at]!, mail) && isMoved(before[at]!, mail));
    await Promise.all([
      saveMails(tx, changed),
      askWorker(tx, toPlace, now, all[0]?.traceparent),
      saveAttachments(tx, attachments),
      blankAttachments(tx, blanked),
      this.engagements.say(tx, shownOtherwise),
      this.engagements.move(tx, moved),
    ]);
  }

  /** Adds what the store of attachments says of some, and has their mails' engagements said again. */
  async takeAttachments(tx: Tx, rows: AttachmentRow[]): Promise<void> {
    const mails = await lockMails(tx, rows, this.clock.now());
    const forgotten = new Set(mails.filter((mail) => mail.forgotten).map(keyText));
    await saveAttachments(
      tx,
      rows.filter((row) => !forgotten.has(keyText(row))),
    );
    await this.engagements.say(
      tx,
      mails.filter((mail) => !mail.forgotten),
    );
  }
}

/** What stands on the timeline already looks otherwise now; what is yet to be placed is said when it is. */
function isShownOtherwise(before: MailState, after: MailState): boolean {
  const isThreaded = before.threadId === null && after.threadId !== null;
  return !after.toPlace && (before.sendState !== after.sendState || isThreaded || before.sentAt !== after.sentAt);
}

/** Its thread fell apart, or a person took it out. */
function isMoved(before: MailState, after: MailState): boolean {
  return !after.toPlace && before.threadId !== null && before.threadId !== after.threadId;
}

const keyText = ({ tenantId, mailId }: MailKey) => `${tenantId} ${mailId}`;
