// A tracked mail of which sync has the bytes, since a member logged it by hand: read as if a mail server were asked.
import { Injectable } from '@nestjs/common';
import type { MailCopy } from '../capture/mail-copy.js';
import type { ReadText } from '../capture/mail-text.js';
import type { FetchWindow } from '../capture/part-stream.js';
import type { StructurePlan } from '@rejoinder/mail/structure';
import { IntakeStore } from './intake-store.js';
import { StoredMails } from './stored-mails.js';

export interface KeptCopy {
  inboxId: string;
  attachments: boolean;
  copy: MailCopy;
  plan: StructurePlan;
  text: ReadText;
}

@Injectable()
export class KeptCopies {
  constructor(
    private readonly intakes: IntakeStore,
    private readonly mails: StoredMails,
  ) {}

  /** The mail with its text; undefined where it did not come this way, or is no longer kept. */
  async find(tenantId: string, mailId: string): Promise<KeptCopy | undefined> {
    const stored = await this.intakes.byMail(tenantId, mailId);
    const opened = stored && (await this.mails.open(stored));
    const text = opened && (await this.mails.text(opened));
    if (!text) return undefined;
    const { inboxId, attachments, receivedAt, sizeBytes } = stored;
    const copy = { uid: 0, flags: new Set<string>(), receivedAt, sizeBytes, header: opened.header, root: opened.root };
    return { inboxId, attachments, copy, plan: opened.plan, text };
  }

  /** The encoded bytes of one part from any place on. */
  async part(tenantId: string, mailId: string, partId: string): Promise<FetchWindow | undefined> {
    const stored = await this.intakes.byMail(tenantId, mailId);
    const opened = stored && (await this.mails.open(stored));
    if (!opened?.parts.has(partId)) return undefined;
    return async (start, maxBytes) => (await this.mails.sections(opened, [{ section: partId, start, maxBytes }]))?.get(partId);
  }
}
