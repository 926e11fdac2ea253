// A mail out as REST takes and tells it.
import { z } from 'zod';
import type { Send } from '@rejoinder/contracts/api/sending';
import { addressText, id, nameText, optionalId, optionalTime, sentenceOf, toId, toTime } from './shapes.js';

const maxRecipients = 500;
const maxSubject = 1_000;
const maxTextLength = 5_000_000;
const maxAttachments = 20;
const maxMessageId = 1_000;
const maxReferences = 100;
const maxKey = 255;

const typedAddress = z.strictObject({ address: addressText, name: nameText.optional() });
const recipients = z.array(typedAddress).max(maxRecipients);
const messageId = z.string().min(1).max(maxMessageId);

export const mailBody = z.strictObject({
  inbox_id: id,
  to: recipients,
  cc: recipients.optional(),
  bcc: recipients.optional(),
  subject: z.string().max(maxSubject),
  text: z.string().max(maxTextLength),
  html: z.string().max(maxTextLength).optional(),
  attachment_ids: z.array(id).max(maxAttachments).optional(),
  in_reply_to: messageId.optional(),
  references: z.array(messageId).max(maxReferences).optional(),
});
export const idempotencyKey = z
  .string()
  .min(1)
  .max(maxKey)
  .optional()
  .meta({ description: 'The same key with the same mail answers the same send; without one, asking twice sends twice' });
export const resolveBody = z.strictObject({ outcome: z.enum(['sent', 'send_again']) });

export type MailBody = z.infer<typeof mailBody>;

export const sendSchema = z
  .object({
    send_id: id,
    inbox_id: id,
    mail_id: optionalId,
    state: z.enum(['accepted', 'sending', 'sent', 'failed', 'unconfirmed', 'cancelled']),
    reason: z.string(),
    reason_text: z.string(),
    message_id: z.string(),
    accepted_at: optionalTime,
    sent_at: optionalTime,
  })
  .meta({ id: 'Send' });

export type SendAnswer = z.infer<typeof sendSchema>;

export function toSend(send: Send): SendAnswer {
  return {
    send_id: send.sendId,
    inbox_id: send.inboxId,
    mail_id: toId(send.mailId),
    state: send.state as SendAnswer['state'],
    reason: send.reason,
    reason_text: sentenceOf(send.reason),
    message_id: send.messageId,
    accepted_at: toTime(send.acceptedAt),
    sent_at: toTime(send.sentAt),
  };
}
