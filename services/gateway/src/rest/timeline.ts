// Contacts and engagements as REST tells them.
import { z } from 'zod';
import type { Contact, Engagement } from '@rejoinder/contracts/api/timeline';
import { AttachmentState, MailKind, type AttachmentDeclared } from '@rejoinder/contracts/mail';
import { deliverySchema, toDelivery } from './delivery.js';
import {
  addressSchema,
  addressText,
  count,
  ids,
  messageId,
  nameText,
  nextCursor,
  optionalTime,
  reason,
  reasonText,
  sentenceOf,
  text,
  toAddress,
  toId,
  toTime,
} from './shapes.js';

export const contactBody = z.strictObject({ address: addressText, name: nameText.optional() });

export const contactAddressBody = z.strictObject({ address: addressText });

export const contactSchema = z
  .object({
    contact_id: ids.contact.meta({ description: 'Of a contact that went into another, the other’s' }),
    address: text('ada@example.com').meta({ description: 'The first, by which it was made' }),
    other_addresses: z
      .array(z.string())
      .meta({ description: 'Up to 20, in lower case, in the order in which they were added', examples: [['ada@example.net']] }),
    name: text('Ada Example'),
    last_activity_at: optionalTime,
    engagements: count(2),
  })
  .meta({ id: 'Contact' });
export const contactsSchema = z.object({ contacts: z.array(contactSchema), next_cursor: nextCursor });

const attachmentSchema = z
  .object({
    attachment_id: ids.attachment,
    file_name: text('offer.csv'),
    content_type: text('text/csv'),
    size_bytes: count(121),
    inline: z.boolean().meta({ description: 'Shown within the HTML, by its content_id' }),
    content_id: text(''),
    state: z.enum(['stored', 'pending', 'rejected']),
    reason,
    reason_text: reasonText,
  })
  .meta({ id: 'Attachment' });

export const engagementSchema = z
  .object({
    engagement_id: ids.engagement,
    contact_id: ids.contact,
    mail_id: ids.mail,
    thread_id: ids.thread.nullable(),
    direction: z.enum(['in', 'out']),
    from: addressSchema,
    to: z.array(addressSchema).meta({ examples: [[{ address: 'sally@example.org', name: 'Sally Sales' }]] }),
    cc: z.array(addressSchema).meta({ examples: [[]] }),
    subject: text('Re: Your offer, please'),
    new_text: text('Hello,\n\nour list is attached.\n\nAda').meta({
      description: 'What its author wrote: the text without what it quotes and without the signature; empty where nothing is new',
    }),
    text: text(
      'Hello,\n\nour list is attached.\n\nAda\n\nOn Mon, 23 Nov 2026 at 10:05, Sally <sally@example.org> wrote:\n> Your offer, please',
    ).meta({
      description: 'All of it, with what it quotes',
    }),
    html: text('<p>Hello,</p><p>our list is attached.</p><p>Ada</p>').meta({
      description: 'Sanitised; show it in a sandboxed frame all the same',
    }),
    text_state: z.enum(['ready', 'pending', 'failed', 'gone']),
    text_truncated: z.boolean(),
    occurred_at: optionalTime,
    state: text('received').meta({ description: 'Of mail out: accepted, sent, failed, unconfirmed; of mail in: received' }),
    state_reason: reason,
    state_text: reasonText,
    kind: z
      .enum(['person', 'list', 'auto_reply', 'delivery_report', 'complaint'])
      .meta({ description: 'Only what a person wrote is an answer' }),
    kind_because: text('').meta({ description: 'The header field that says so, such as auto-submitted; empty of what a person wrote' }),
    send_id: ids.send.nullable().meta({ description: 'Of mail out: the send it was', examples: [null] }),
    inbox_id: ids.inbox.nullable(),
    message_id: messageId,
    attachments: z.array(attachmentSchema),
    deliveries: z
      .array(deliverySchema)
      .meta({ description: 'Of a delivery report: what it says became of the mail at each recipient', examples: [[]] }),
    about_message_id: text('').meta({ description: 'Of a delivery report: the message_id of that mail; empty where it names none' }),
  })
  .meta({ id: 'Engagement' });
export const engagementsSchema = z.object({ engagements: z.array(engagementSchema), next_cursor: nextCursor });

export type ContactAnswer = z.infer<typeof contactSchema>;
export type EngagementAnswer = z.infer<typeof engagementSchema>;

export function toContact(contact: Contact): ContactAnswer {
  return {
    contact_id: contact.contactId,
    address: contact.address,
    other_addresses: contact.otherAddresses,
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
    new_text: one.newText,
    text: one.text,
    html: one.html,
    text_state: one.textState as EngagementAnswer['text_state'],
    text_truncated: one.textTruncated,
    occurred_at: toTime(one.occurredAt),
    state: one.state,
    state_reason: one.stateReason,
    state_text: sentenceOf(one.stateReason),
    kind: kinds[one.kind],
    kind_because: one.kindBecause,
    send_id: toId(one.sendId),
    inbox_id: toId(one.inboxId),
    message_id: one.messageId,
    attachments: one.attachments.map(toAttachment),
    deliveries: one.deliveries.map(toDelivery),
    about_message_id: one.aboutMessageId,
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
  [MailKind.COMPLAINT]: 'complaint',
};

const states: Record<AttachmentState, EngagementAnswer['attachments'][number]['state']> = {
  [AttachmentState.UNSPECIFIED]: 'pending',
  [AttachmentState.PENDING]: 'pending',
  [AttachmentState.STORED]: 'stored',
  [AttachmentState.REJECTED]: 'rejected',
};
