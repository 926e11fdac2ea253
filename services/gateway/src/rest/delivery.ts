// What became of a mail at one recipient, as REST tells it.
import { z } from 'zod';
import type { Delivery } from '@rejoinder/contracts/mail';
import { ids, optionalTime, text, toTime } from './shapes.js';
import type { ReportedDelivery } from '@rejoinder/contracts/api/sending';

const outcomes = ['hard_bounce', 'soft_bounce', 'delayed', 'delivered', 'unclear'] as const;

export const deliverySchema = z
  .object({
    address: text('ada@example.com').meta({ description: 'In lower case; empty where only people could tell it from the text' }),
    outcome: z.enum(outcomes).meta({
      description:
        'hard_bounce: the address takes no mail; soft_bounce: given up, but the address may take mail at another time; delayed: the server still tries; delivered: also handed on to a server that reports no further',
      examples: ['hard_bounce'],
    }),
    status: text('5.1.1').meta({ description: 'Of RFC 3463; empty where no server stated one' }),
  })
  .meta({ id: 'Delivery' });

export const reportedDeliverySchema = deliverySchema
  .extend({
    report_mail_id: ids.mail.meta({ description: 'The delivery report that says so' }),
    reported_at: optionalTime,
  })
  .meta({ id: 'ReportedDelivery' });

export type DeliveryAnswer = z.infer<typeof deliverySchema>;

export function toDelivery({ address, outcome, status }: Pick<Delivery, 'address' | 'outcome' | 'status'>): DeliveryAnswer {
  return { address, outcome: outcomes.find((known) => known === outcome) ?? 'unclear', status };
}

export function toReported(one: ReportedDelivery): z.infer<typeof reportedDeliverySchema> {
  return { ...toDelivery(one), report_mail_id: one.reportMailId, reported_at: toTime(one.reportedAt) };
}
