// A mail out as REST takes and tells it.
import { z } from 'zod';
import type { Send } from '@rejoinder/contracts/api/sending';
import { reportedDeliverySchema, toReported } from './delivery.js';
import {
  addressText,
  givenMessageId,
  ids,
  messageId,
  nameText,
  optionalTime,
  reason,
  reasonText,
  sentenceOf,
  toId,
  toTime,
} from './shapes.js';

const maxRecipients = 500;
const maxSubject = 1_000;
const maxTextLength = 5_000_000;
const maxAttachments = 20;
const maxReferences = 100;
const maxKey = 255;

const typedAddress = z.strictObject({ address: addressText, name: nameText.optional() });
const recipients = z.array(typedAddress).max(maxRecipients);

export const mailBody = z.strictObject({
  inbox_id: ids.inbox,
  to: recipients,
  cc: recipients.optional().meta({ examples: [[]] }),
  bcc: recipients.optional().meta({ examples: [[]] }),
  subject: z
    .string()
    .max(maxSubject)
    .meta({ examples: ['Your offer, please'] }),
  text: z
    .string()
    .max(maxTextLength)
    .meta({ examples: ['Dear Ada,\n\ncould you send us your current list?'] }),
  html: z
    .string()
    .max(maxTextLength)
    .optional()
    .meta({ examples: ['<p>Dear Ada,</p><p>could you send us your current list?</p>'] }),
  attachment_ids: z.array(ids.attachment).max(maxAttachments).optional(),
  in_reply_to: givenMessageId.optional(),
  references: z.array(givenMessageId).max(maxReferences).optional(),
});
export const idempotencyKey = z
  .string()
  .min(1)
  .max(maxKey)
  .optional()
  .meta({
    examples: ['offer-2026-11-24-ada'],
    description: 'The same key with the same mail answers the same send; without one, asking twice sends twice',
  });
export const resolveBody = z.strictObject({ outcome: z.enum(['sent', 'send_again']) });

export type MailBody = z.infer<typeof mailBody>;

export const sendSchema = z
  .object({
    send_id: ids.send,
    inbox_id: ids.inbox,
    mail_id: ids.mail.nullable(),
    state: z.enum(['accepted', 'sending', 'sent', 'failed', 'unconfirmed', 'cancelled']),
    reason,
    reason_text: reasonText,
    message_id: messageId,
    accepted_at: optionalTime,
    sent_at: optionalTime.meta({ description: 'When the mail server took it', examples: [null] }),
    deliveries: z.array(reportedDeliverySchema).meta({
      description:
        'What delivery reports say of it: for each recipient of whom there is one, the gravest. It changes no state, and nothing is sent again for it',
      examples: [[]],
    }),
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
    deliveries: send.deliveries.map(toReported),
  };
}
