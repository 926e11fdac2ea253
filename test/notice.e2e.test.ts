// A password that was changed in the whole house: a webhook is told, its owner is mailed once, mends it by the link, and what came meanwhile is read.
import { simpleParser } from 'mailparser';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { people } from '@rejoinder/testing/crm-town';
import { buildMail } from '@rejoinder/testing/mail';
import { freePort } from '@rejoinder/testing/ports';
import type { Receiver } from '@rejoinder/testing/receiver';
import type { Inbox, Rest } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';
import { expectNoDeadLetters, observed, restOf, startOneHouse, type OneHouse } from './one-house.js';

const relayUser = 'notices@crm.test';
const clock = { aheadMs: 0, now: () => new Date(Date.now() + clock.aheadMs) };
let one: OneHouse;
let rest: Rest;
let inboxId: string;
let link: string;
let receiver: Receiver;
let secret: string;

beforeAll(async () => {
  const base = `127.0.0.1:${await freePort()}`;
  one = await startOneHouse({ clock, env: { REJOINDER_HTTP_LISTEN: base, REJOINDER_PUBLIC_URL: `http://${base}` } });
  const { dovecot } = one.town;
  await dovecot.addUser(relayUser);
  // The operator's relay: here the town's own submission, with a name and a password of its own.
  const relay = `smtps://${encodeURIComponent(relayUser)}:secret@localhost:${dovecot.submissionsPort}`;
  await one.house.reopen({ REJOINDER_NOTICES_SMTP_URL: relay, REJOINDER_NOTICES_FROM: `CRM <${relayUser}>` });
  rest = restOf(one.house);
  receiver = await one.receive();
  const events = ['InboxDisconnected', 'InboxReconnected'];
  ({ secret } = await rest.call<{ secret: string }>('POST', '/v1/webhooks', { url: receiver.url, events }));
  inboxId = (await rest.call<Inbox>('POST', '/v1/inboxes', one.town.login)).inbox_id;
  await observed({ rest, house: one.house }, inboxId, 'INBOX', 0);
});
afterAll(() => one?.stop());

const notices = () => one.town.dovecot.accepted.filter(({ from }) => from === relayUser);
const ofOwner = async (password?: string) => {
  const body = password === undefined ? undefined : new URLSearchParams({ password });
  const response = await fetch(link, { method: body ? 'POST' : 'GET', body });
  return { status: response.status, text: await response.text() };
};

describe('a password that was changed', { timeout: 120_000 }, () => {
  it('is told to the owner of the mailbox by one mail, with the reason and a link', async () => {
    await one.town.dovecot.setPassword(people.sales, 'changed');
    one.town.wire.cut();
    await settle(
      'the first refusal',
      async () => (await one.house.query('select 1 from sync.session where refused_at is not null')).length > 0,
    );
    clock.aheadMs = 61_000;
    const notice = await settle('the notice', () => notices()[0], { timeoutMs: 60_000 });
    expect((await rest.inbox(inboxId)).receiving).toBe('needs_reconnect');
    expect(notice.to).toEqual([people.sales]);
    const { text = '' } = await simpleParser(notice.raw);
    expect(text).toContain(catalogue.AUTH_REJECTED.sentence);
    link = /^http\S+\/reconnect\/\S+$/m.exec(text)![0];
  });

  it('is told to the webhook of the company, signed, with the reason', async () => {
    const { body, headers } = await settle('it', () => receiver.told[0]);
    const data = { inbox_id: inboxId, side: 'receiving', reason: 'AUTH_REJECTED' };
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'InboxDisconnected', data });
    expect(body).not.toContain('@');
  });

  it('is mended by the link, once, and what came meanwhile is read', async () => {
    await one.town.dovecot.deliver(people.sales, await buildMail({ from: people.stranger, to: people.sales }));
    expect((await ofOwner()).text).toContain(people.sales);
    expect((await ofOwner('a guess')).text).toContain(catalogue.AUTH_REJECTED.sentence);
    expect((await rest.inbox(inboxId)).receiving).toBe('needs_reconnect');
    expect((await ofOwner('changed')).text).toContain('is connected again');
    expect((await ofOwner()).status).toBe(404);
    expect(await rest.inbox(inboxId)).toMatchObject({ inbox_id: inboxId, receiving: 'connected', sending: 'ready' });
    // The notice itself lies there too.
    await observed({ rest, house: one.house }, inboxId, 'INBOX', 2);
    expect(notices()).toHaveLength(1);
    await settle('the webhook to be told', () => receiver.told.some(({ event }) => event.type === 'InboxReconnected'));
    expect(receiver.told.map(({ event }) => event.type)).toEqual(['InboxDisconnected', 'InboxReconnected']);
    await expectNoDeadLetters(one.house);
  });
});
