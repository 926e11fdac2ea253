// Declared attachments as rows: what they are called is sealed.
import { Injectable } from '@nestjs/common';
import { AttachmentState, type AttachmentDeclared } from '@rejoinder/contracts/mail';
import type { AttachmentRow } from './mail-store.js';
import { attachmentFactsOf, attachmentRow, Sealed } from './sealed.js';

/** Attachments of one mail that are listed. */
export const maxAttachments = 200;

/** The words of the store of attachments for what became of one. */
export const stateWords = {
  [AttachmentState.UNSPECIFIED]: 'pending',
  [AttachmentState.PENDING]: 'pending',
  [AttachmentState.STORED]: 'stored',
  [AttachmentState.REJECTED]: 'rejected',
} as const;

interface Declaring {
  tenantId: string;
  mailId: string;
  attachments: AttachmentDeclared[];
}

@Injectable()
export class AttachmentBox {
  constructor(private readonly sealed: Sealed) {}

  /** Rows of the attachments of each mail; of a dead tenant without what they are called. */
  async sealAll(mails: Declaring[]): Promise<AttachmentRow[][]> {
    const declared = mails.map((mail) => mail.attachments.slice(0, maxAttachments));
    const pieces = mails.flatMap(({ tenantId }, at) =>
      declared[at]!.map((one) => ({ tenantId, row: attachmentRow(one.attachmentId), value: attachmentFactsOf(one) })),
    );
    const sealed = await this.sealed.sealMany(pieces);
    let next = 0;
    return mails.map(({ tenantId, mailId }, at) =>
      declared[at]!.map((one, position) => rowOf({ tenantId, mailId }, one, position, sealed[next++] ?? null)),
    );
  }
}

function rowOf(
  key: { tenantId: string; mailId: string },
  declared: AttachmentDeclared,
  position: number,
  sealedFacts: string | null,
): AttachmentRow {
  const { attachmentId, sizeBytes, inline, state, reason } = declared;
  return { ...key, attachmentId, position, sealedFacts, sizeBytes: Number(sizeBytes), inline, state: stateWords[state], reason };
}
