// Takes what became of attachments, whether or not their mail is known yet.
import { Controller } from '@nestjs/common';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { AttachmentRejectedSchema, AttachmentStoredSchema } from '@rejoinder/contracts/events/attachment';
import { Database } from '@rejoinder/runtime/database';
import type { AttachmentRow } from './mail/mail-store.js';
import { MailWriter } from './mail/mail-writer.js';
import type { Tx } from './tx.js';

@Controller()
export class OnAttachments {
  constructor(
    private readonly database: Database<Tx>,
    private readonly mails: MailWriter,
  ) {}

  @On(AttachmentStoredSchema)
  attachmentStored(batch: Received<typeof AttachmentStoredSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#take(
      batch.map(({ event, message }) => ({
        ...stub(event.tenantId, message),
        state: 'stored',
        reason: '',
        sizeBytes: Number(message.sizeBytes),
      })),
    );
  }

  @On(AttachmentRejectedSchema)
  attachmentRejected(batch: Received<typeof AttachmentRejectedSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#take(
      batch.map(({ event, message }) => ({ ...stub(event.tenantId, message), state: 'rejected', reason: message.reason, sizeBytes: 0 })),
    );
  }

  async #take(rows: AttachmentRow[]): Promise<Outcome[]> {
    // A file that a person has uploaded and not sent yet has no mail.
    const sound = rows.filter((row) => isId(row.attachmentId) && isId(row.mailId));
    const tenants = [...new Set(sound.map(({ tenantId }) => tenantId))];
    if (sound.length > 0) await this.database.write({ tenants }, (tx) => this.mails.takeAttachments(tx, sound));
    return rows.map((row) => (sound.includes(row) || row.mailId === '' ? done : deadLetter('malformed')));
  }
}

function stub(tenantId: string, { attachmentId, mailId }: { attachmentId: string; mailId: string }) {
  return { tenantId, mailId, attachmentId, position: 0, sealedFacts: null, inline: false };
}
