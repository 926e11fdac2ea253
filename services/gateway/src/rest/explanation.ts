// Threads, pins and explanations as REST tells them: threading's words and ids, with what headers say of mails that stand on a timeline.
import { z } from 'zod';
import type { ExplainResponse, LeftAnswer, Pin, ThreadMail } from '@rejoinder/contracts/api/threading';
import type { MailHead } from '@rejoinder/contracts/api/timeline';
import { trackingRules, type TrackingRule } from '@rejoinder/contracts/tracking-rules';
import { addressSchema, count, ids, messageId, nextCursor, optionalTime, text, toAddress, toId, toTime } from './shapes.js';

const headSchema = z
  .object({
    engagement_id: ids.engagement,
    contact_id: ids.contact,
    direction: z.enum(['in', 'out']),
    from: addressSchema,
    subject: text('Your offer'),
    message_id: messageId,
    occurred_at: optionalTime,
  })
  .meta({ id: 'MailHead' });
const head = headSchema.nullable().meta({ description: 'What its headers say; null of a mail that stands on no timeline' });
const verdict = z.enum(['tracked', 'asking', 'untracked']).meta({ description: 'asking: its text is looked at to decide' });
const because = text('answers').meta({
  description: 'As in MailTracked or MailUntracked; untracked for mail that has nothing to do with any that is logged',
});
const ruleNames = Object.keys(trackingRules) as [TrackingRule, ...TrackingRule[]];

export const pinSchema = z
  .object({
    pin_id: ids.pin,
    kind: z.enum(['split', 'merge', 'unlog']),
    mail_id: ids.mail,
    mail: head,
    into_mail_id: ids.mail.nullable().meta({ description: 'Of a merge: the mail it belongs with', examples: [null] }),
    into_mail: head,
    by: z.enum(['console', 'api']).meta({ description: 'Whether a person at the console said so, or a program' }),
    made_at: optionalTime,
  })
  .meta({ id: 'Pin' });
export const pinsSchema = z.object({ pins: z.array(pinSchema), next_cursor: nextCursor });

export const threadSchema = z.object({
  thread_id: ids.thread.meta({ description: 'The one that was asked for, or the one that it went into' }),
  mails: z.array(z.object({ mail_id: ids.mail, verdict, because, mail: head })),
  next_cursor: nextCursor,
});

export const leftAnswersSchema = z.object({
  answers: z.array(
    z
      .object({
        mail_id: ids.mail,
        thread_id: ids.thread.meta({ description: 'Of its own now' }),
        left_thread_id: ids.thread.meta({ description: 'The one of those asked about that it left' }),
        answers_mail_id: ids.mail.meta({ description: 'A logged mail of that conversation, which it cites' }),
        rule: z.enum(['cut_subject', 'not_quoting']),
        rule_text: text(trackingRules.cut_subject).meta({ description: 'The same in a sentence for a person' }),
        received_at: optionalTime,
        inbox_ids: z.array(ids.inbox).meta({ description: 'In whose mailboxes it was seen' }),
      })
      .meta({ id: 'LeftAnswer' }),
  ),
});

export const explanationSchema = z
  .object({
    mail_id: ids.mail,
    thread_id: ids.thread,
    mail: head,
    revision: count(1).meta({ description: 'Of the last verdict that was told; 0 where none was' }),
    verdict,
    because,
    rule: z.enum(ruleNames).meta({ description: 'What decided', examples: ['answers'] }),
    rule_text: text(trackingRules.answers).meta({ description: 'The same in one or two sentences for a person' }),
    answers_mail_id: ids.mail.nullable().meta({ description: 'The logged mail that it answers' }),
    evidence: z
      .array(
        z.object({
          mail_id: ids.mail.nullable().meta({ description: 'null where no connected mailbox has it' }),
          mail: head,
          tracked: z.boolean().meta({ examples: [true] }),
          mails: count(1).meta({ description: 'How many mails bear this Message-ID: their senders choose it' }),
          ended: z.enum(['tracked', 'split', 'cut_subject', 'not_quoting', 'text_unread']).nullable().meta({
            description:
              'Why the way back ended here: a logged mail, or one that has left its conversation by that rule. null where it went on, and of all beyond',
          }),
        }),
      )
      .meta({ description: 'The mails that its headers say it answers, nearest first' }),
    pins: z
      .array(pinSchema)
      .meta({ description: 'What people have said of it, of mails that it answers, and of its conversation; newest first' }),
  })
  .meta({ id: 'Explanation' });

type Head = z.infer<typeof head>;
export type Heads = Map<string, MailHead>;
export type ExplanationAnswer = z.infer<typeof explanationSchema>;
export type PinAnswer = z.infer<typeof pinSchema>;

/** Every mail that an explanation names and may tell of: of one that is not tracked no header is told. */
export function mailsNamed({ mailId, verdict: of, evidence, pins }: ExplainResponse): string[] {
  const cited = evidence.flatMap((one) => (one.tracked && one.mailId !== '' ? [one.mailId] : []));
  return [...(of === 'tracked' ? [mailId] : []), ...cited, ...pinned(pins)];
}

export function toLeftAnswer(told: LeftAnswer) {
  const rule = told.rule as 'cut_subject' | 'not_quoting';
  return {
    mail_id: told.mailId,
    thread_id: told.threadId,
    left_thread_id: told.leftThreadId,
    answers_mail_id: told.answersMailId,
    rule,
    rule_text: trackingRules[rule],
    received_at: toTime(told.receivedAt),
    inbox_ids: told.inboxIds,
  };
}

export const pinned = (pins: Pin[]): string[] => pins.flatMap((pin) => [pin.mailId, ...(pin.intoMailId === '' ? [] : [pin.intoMailId])]);

export function toExplanation(told: ExplainResponse, heads: Heads): ExplanationAnswer {
  const rule = told.rule as TrackingRule;
  return {
    mail_id: told.mailId,
    thread_id: told.threadId,
    mail: headOf(heads, told.verdict === 'tracked' ? told.mailId : ''),
    revision: Number(told.revision),
    verdict: told.verdict as ExplanationAnswer['verdict'],
    because: told.because,
    rule,
    rule_text: trackingRules[rule],
    answers_mail_id: toId(told.answersMailId),
    evidence: told.evidence.map(({ mailId, tracked, mails, ended }) => ({
      mail_id: toId(mailId),
      mail: headOf(heads, tracked ? mailId : ''),
      tracked,
      mails,
      ended: toId(ended) as ExplanationAnswer['evidence'][number]['ended'],
    })),
    pins: told.pins.map((pin) => toPin(pin, heads)),
  };
}

export function toPin({ pinId, kind, mailId, intoMailId, by, madeAt }: Pin, heads: Heads): PinAnswer {
  return {
    pin_id: pinId,
    kind: kind as PinAnswer['kind'],
    mail_id: mailId,
    mail: headOf(heads, mailId),
    into_mail_id: toId(intoMailId),
    into_mail: headOf(heads, intoMailId),
    by: by === 'console' ? by : 'api',
    made_at: toTime(madeAt),
  };
}

export function toThreadMail({ mailId, verdict: of, because: why }: ThreadMail, heads: Heads) {
  return {
    mail_id: mailId,
    verdict: of as ExplanationAnswer['verdict'],
    because: why,
    mail: headOf(heads, of === 'tracked' ? mailId : ''),
  };
}

function headOf(heads: Heads, mailId: string): Head {
  const of = heads.get(mailId);
  if (!of) return null;
  return {
    engagement_id: of.engagementId,
    contact_id: of.contactId,
    direction: of.direction === 'out' ? 'out' : 'in',
    from: toAddress(of.from),
    subject: of.subject,
    message_id: of.messageId,
    occurred_at: toTime(of.occurredAt),
  };
}
