// What is wrong with an inbox, side by side: why, at which server of whom, since when, and what support looks for.
import { z } from 'zod';
import type { Inbox, Server } from '@rejoinder/contracts/api/connections';
import type { GetProgressResponse } from '@rejoinder/contracts/api/sync';
import { catalogue, explain } from '@rejoinder/contracts/catalogue';
import { optionalTime, reason, text, toTime } from './shapes.js';

export const troubleSchema = z
  .object({
    side: z.enum(['receiving', 'sending']),
    code: reason.meta({ examples: ['AUTH_REJECTED'] }),
    text: text(`Fastmail, imap.fastmail.com:993: ${catalogue.AUTH_REJECTED.sentence}`).meta({
      description: 'For a person, with the server it is of',
    }),
    action: text(catalogue.AUTH_REJECTED.action).meta({ description: 'What a person can do; empty where nothing needs to be done' }),
    provider: text('Fastmail').meta({ description: 'Empty where it is not known' }),
    server: text('imap.fastmail.com:993'),
    first_seen_at: optionalTime,
    next_try_at: optionalTime.meta({ description: 'null where nothing is tried until somebody acts', examples: [null] }),
    trace_id: text('4bf92f3577b34da6a3ce929d0e0e4736').meta({ description: 'Stands in the logs, and in traces where they are kept' }),
  })
  .meta({ id: 'Trouble' });

type Trouble = z.infer<typeof troubleSchema>;

/** A side that has stopped for want of a credential, or receiving that is slowed or interrupted. */
export function troublesOf(inbox: Inbox, told: GetProgressResponse | undefined): Trouble[] {
  const { receivingReason, sendingReason, provider, imap, smtp } = inbox;
  const stopped = { first_seen_at: toTime(inbox.stoppedSince), next_try_at: null, trace_id: inbox.traceId };
  const waiting = told && { first_seen_at: toTime(told.since), next_try_at: toTime(told.nextTryAt), trace_id: told.traceId };
  const troubles: Trouble[] = [];
  if (receivingReason) troubles.push(troubleOf('receiving', receivingReason, provider, imap, stopped));
  else if (told?.reason && waiting) troubles.push(troubleOf('receiving', told.reason, provider, imap, waiting));
  if (sendingReason) troubles.push(troubleOf('sending', sendingReason, provider, smtp, stopped));
  return troubles;
}

function troubleOf(
  side: Trouble['side'],
  code: string,
  provider: string,
  of: Server | undefined,
  when: Pick<Trouble, 'first_seen_at' | 'next_try_at' | 'trace_id'>,
): Trouble {
  const server = of ? `${of.host}:${of.port}` : '';
  const { sentence = '', action = '' } = explain(code) ?? {};
  const where = [provider, server].filter(Boolean).join(', ');
  return { side, code, text: `${where}: ${sentence}`, action, provider, server, ...when };
}
