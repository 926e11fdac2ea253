// Contacts and engagements as REST tells them.
import { z } from 'zod';
import type { Contact, Engagement } from '@rejoinder/contracts/api/timeline';
import { AttachmentState, MailKind, type AttachmentDeclared } from '@rejoinder/contracts/mail';
import {
  addressSchema,
  addressText,
  id,
  nameText,
  nextCursor,
  optionalId,
  optionalTime,
  sentenceOf,
  toAddress,
  toId,
  toTime,
} from './shapes.js';

export const contactBody = z.strictObject({ address: addressText, name: nameText.optional() });

export const contactSchema = z
  .object({ contact_id: id, address: z.string(), name: z.string(), last_activity_at: optionalTime, engagements: z.int() })
  .meta({ id: 'Contact' });
export const contactsSchema = z.object({ contacts: z.array(contactSchema), next_cursor: nextCursor });

const attachmentSchema = z
  .object({
    attachment_id: id,
    file_name: z.string(),
    content_type: z.string(),
    size_bytes: z.int(),
    inline: z.boolean(),
    content_id: z.string(),
    state: z.enum(['pending', 'stored', 'rejected']),
    reason: z.string(),
    reason_text: z.string(),
  })
  .meta({ id: 'Attachment' });

export const engagementSchema = z
  .object({
    engagement_id: id,
    contact_id: id,
    mail_id: id,
    thread_id: optionalId,
    direction: z.enum(['in', 'out']),
    from: addressSchema,
    to: z.array(addressSchema),
    cc: z.array(addressSchema),
    subject: z.string(),
    text: z.string(),
    html: z.string().meta({ description: 'Sanitised; show it in a sandboxed frame all the same' }),
    text_state: z.enum(['pending', 'ready', 'failed', 'gone']),
    text_truncated: z.boolean(),
    occurred_at: optionalTime,
    state: z.string().meta({ description: 'Of mail out: accepted, sent, failed, unconfirmed; of mail in: received' }),
    state_reason: z.string(),
    state_text: z.string(),
    kind: z.enum(['person', 'list', 'auto_reply', 'delivery_report']),
    send_id: optionalId,
    inbox_id: optionalId,
    message_id: z.string(),
    attachments: z.array(attachmentSchema),
  })
  .meta({ id: 'Engagement' });
export const engagementsSchema = z.object({ engagements: z.array(engagementSchema), next_cursor: nextCursor });

export type ContactAnswer = z.infer<typeof contactSchema>;
export type EngagementAnswer = z.infer<typeof engagementSchema>;

export function toContact(contact: Contact): ContactAnswer {
  return {
    contact_id: contact.contactId,
    address: contact.address,
    name: contact.name,
    last_activity_at: toTime(contact.lastActivityAt),
    engagements: Number(contact.engagements),
  };
}

export function toEngagement(one: Engagement): EngagementAnswer {
  return {
    engagement_id: one.engagementId,
    contact_id: one.contactId,
    mail_id: one.mailId,
    thread_id: toId(one.threadId),
    direction: one.direction as EngagementAnswer['direction'],
    from: toAddress(one.from),
    to: one.to.map(toAddress),
    cc: one.cc.map(toAddress),
    subject: one.subject,
    text: one.text,
    html: one.html,
    text_state: one.textState as EngagementAnswer['text_state'],
    text_truncated: one.textTruncated,
    occurred_at: toTime(one.occurredAt),
    state: one.state,
    state_reason: one.stateReason,
    state_text: sentenceOf(one.stateReason),
    kind: kinds[one.kind],
    send_id: toId(one.sendId),
    inbox_id: toId(one.inboxId),
    message_id: one.messageId,
    attachments: one.attachments.map(toAttachment),
  };
}

function toAttachment(of: AttachmentDeclared): EngagementAnswer['attachments'][number] {
  return {
    attachment_id: of.attachmentId,
    file_name: of.fileName,
    content_type: of.contentType,
    size_bytes: Number(of.sizeBytes),
    inline: of.inline,
    content_id: of.contentId,
    state: states[of.state],
    reason: of.reason,
    reason_text: sentenceOf(of.reason),
  };
}

const kinds: Record<MailKind, EngagementAnswer['kind']> = {
  [MailKind.UNSPECIFIED]: 'person',
  [MailKind.PERSON]: 'person',
  [MailKind.LIST]: 'list',
  [MailKind.AUTO_REPLY]: 'auto_reply',
  [MailKind.DELIVERY_REPORT]: 'delivery_report',
};

const states: Record<AttachmentState, EngagementAnswer['attachments'][number]['state']> = {
  [AttachmentState.UNSPECIFIED]: 'pending',
  [AttachmentState.PENDING]: 'pending',
  [AttachmentState.STORED]: 'stored',
  [AttachmentState.REJECTED]: 'rejected',
};
