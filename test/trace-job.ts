// One mail out with a trace of its caller's, and its reply with a trace of its own: followed from the door to the timeline.
import { expect } from 'vitest';
import { people, type Town } from '@rejoinder/testing/crm-town';
import { replyTo } from '@rejoinder/testing/mail';
import type { Rest, Send } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';
import { onTimeline } from './main-job.js';
import { spanKind, type SeenSpan, type TraceCollector } from './trace-collector.js';

const within60 = { timeoutMs: 60_000 };
/** All that must not stand in a span. */
export const said = { subject: 'Traced', text: 'Dear Carla', reply: 'All well.' };

/** Sends and is answered; tells the two traces. */
export async function tracedMail(rest: Rest, town: Town, inboxId: string, traces: TraceCollector): Promise<{ out: string; back: string }> {
  const { consumed, names, of } = traces;
  const out = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
  const mail = { inbox_id: inboxId, to: [{ address: people.contact }], subject: said.subject, text: said.text };
  const headers = { traceparent: `00-${out}-00f067aa0ba902b7-01`, 'idempotency-key': crypto.randomUUID() };
  const send = await rest.call<Send>('POST', '/v1/mail', mail, headers);
  // Each process sends its spans when it likes: what is not here yet may come.
  await seen('all of the send', () => {
    expect(consumed(out, 'timeline')).toEqual(expect.arrayContaining(['process SendAccepted', 'process MailSent']));
    expect(consumed(out, 'threading')).toContain('process SendAccepted');
    const spans = of(out);
    expect(spans.some((span) => span.scope.endsWith('instrumentation-http') && span.kind === spanKind.server)).toBe(true);
    const rpc = spans.filter(({ name }) => name.endsWith('rejoinder.sending.v1.SendingService/Send'));
    expect(rpc.map(({ kind }) => kind).sort()).toEqual([spanKind.server, spanKind.client]);
    expect(names(out)).toContain('attempt');
    expect(spans.filter(isSql).length).toBeGreaterThan(10);
  });

  const sent = await settle('the mail', async () => town.dovecot.accepted.find(({ raw }) => raw.includes(send.message_id)), within60);
  const before = new Set(traces.spans.map(({ traceId }) => traceId));
  await town.dovecot.deliver(people.sales, await replyTo(sent.raw, { from: people.contact, text: said.reply }));
  const contact = await settle(
    'the contact',
    async () => (await rest.contacts()).find(({ address }) => address === people.contact),
    within60,
  );
  await onTimeline({ rest, town }, contact.contact_id, `Re: ${said.subject}`, (one) => one.text_state === 'ready');
  const captures = () => traces.spans.filter(({ name, traceId }) => name === 'capture work' && !before.has(traceId));
  const back = await settle('the trace of the reply', () => captures()[0]?.traceId, within60);
  await seen('all of the reply', () => {
    expect(consumed(back, 'gateway')).toContain('process EngagementLogged');
    expect(names(back)).toEqual(expect.arrayContaining(['observe', 'capture work', 'mail work']));
    expect(consumed(back, 'threading')).toContain('process MailsObserved');
    expect(consumed(back, 'sync')).toContain('process CaptureMail');
    expect(consumed(back, 'timeline')).toContain('process MailCaptured');
  });
  return { out, back };
}

function seen(what: string, check: () => void): Promise<true> {
  const probe = () => {
    check();
    return true as const;
  };
  return settle(`${what} to be traced`, probe, within60);
}

export const isSql = ({ scope }: SeenSpan) => scope.endsWith('instrumentation-pg');
