// Takes out of a mail what it forwards: whole mails that are attached to it, or the one within its text.
import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { idFromHash } from '@rejoinder/base/id';
import { dateSeconds } from '@rejoinder/mail/date';
import { forwardedIn, type Forwarded } from '@rejoinder/mail/forward';
import { firstValue } from '@rejoinder/mail/headers';
import { shownLines } from '@rejoinder/mail/html-lines';
import type { ScannedPart } from '@rejoinder/mail/mime-scan';
import { unmarkedSubject } from '@rejoinder/mail/subject';
import { transferDecoder } from '../imap/transfer-decoder.js';
import { ChunkStore } from './chunk-store.js';
import type { StoredMail } from './intake-store.js';
import { beforeFile, rebuiltEnd, rebuiltHead } from './rebuilt.js';
import { StoredMails, subjectOf, type OpenedMail } from './stored-mails.js';

/** Whole mails that are logged of one that forwards them. */
const maxAttached = 20;
const messageType = 'message/rfc822';

@Injectable()
export class Forwards {
  constructor(
    private readonly chunks: ChunkStore,
    private readonly mails: StoredMails,
  ) {}

  /** The mails that are attached, each with its bytes as they are there. */
  async attached(opened: OpenedMail): Promise<StoredMail[]> {
    const found = opened.plan.attachments.filter(({ contentType }) => contentType === messageType).slice(0, maxAttached);
    const stored: StoredMail[] = [];
    for (const [at, { partId }] of found.entries())
      stored.push(await this.#keep(opened.mail, at, this.#decoded(opened, opened.parts.get(partId)!)));
    return stored;
  }

  /** What the text says it forwards. */
  async quoted(opened: OpenedMail): Promise<Forwarded | undefined> {
    const text = await this.mails.text(opened);
    if (!text) return undefined;
    const zone = /([+-])(\d{2})(\d{2})\s*(?:\(|$)/.exec(firstValue(opened.headers, 'date') ?? '');
    const zoneMinutes = zone ? (zone[1] === '-' ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3])) : 0;
    return forwardedIn(text.text.trim() === '' ? shownLines(text.html).join('\n') : text.text, zoneMinutes);
  }

  /** That mail, made anew from what is said of it, with the files that were forwarded beside it. */
  async rebuilt(opened: OpenedMail, forwarded: Forwarded): Promise<StoredMail> {
    const { mail, headers } = opened;
    const boundary = `=_${createHash('sha256').update(mail.intakeId).digest('hex').slice(0, 32)}`;
    const sentAt = dateSeconds(firstValue(headers, 'date') ?? '') ?? Math.floor(mail.receivedAt.getTime() / 1_000);
    const head = rebuiltHead(forwarded, { subject: unmarkedSubject(subjectOf(headers)), sentAt, boundary });
    return this.#keep(mail, 0, this.#withFiles(opened, head, boundary));
  }

  /** What was taken out and is not logged. */
  async drop(mails: StoredMail[]): Promise<void> {
    for (const { tenantId, intakeId } of mails) await this.chunks.remove(tenantId, [intakeId]);
  }

  async *#withFiles(opened: OpenedMail, head: Buffer, boundary: string): AsyncGenerator<Buffer> {
    yield head;
    for (const { partId } of opened.plan.attachments) {
      const { headStart, bodyEnd } = opened.parts.get(partId)!;
      // A mail that is nothing but a file has no header of a part.
      if (partId === '1' && !opened.root.childNodes) continue;
      yield beforeFile(boundary);
      yield* this.mails.bytes(opened, headStart, bodyEnd);
    }
    yield rebuiltEnd(boundary);
  }

  async *#decoded(opened: OpenedMail, { bodyStart, bodyEnd, encoding }: ScannedPart): AsyncGenerator<Buffer> {
    const decoder = transferDecoder(encoding ?? '');
    for await (const piece of this.mails.bytes(opened, bodyStart, bodyEnd)) yield decoder.push(piece);
    yield decoder.end();
  }

  /** Under an id of its own that is the same at every try, so that one that was broken off leaves nothing behind. */
  async #keep(from: StoredMail, at: number, pieces: AsyncIterable<Buffer>): Promise<StoredMail> {
    const intakeId = idFromHash(createHash('sha256').update(`${from.intakeId}/${at}`).digest());
    const mail = { ...from, intakeId };
    await this.chunks.remove(from.tenantId, [intakeId]);
    const writer = this.chunks.writer(mail);
    for await (const piece of pieces) await writer.write(piece);
    await writer.end();
    return { ...mail, sizeBytes: writer.sizeBytes };
  }
}
