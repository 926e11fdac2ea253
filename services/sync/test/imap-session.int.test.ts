// The connection itself, against a real server.
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import ipaddr from 'ipaddr.js';
import { Private } from '@rejoinder/base/private';
import { within } from '@rejoinder/base/wait';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { openMailClient } from '@rejoinder/testing/imap-client';
import { buildMail } from '@rejoinder/testing/mail';
import { ImapSession } from '../src/imap/imap-session.js';
import { testDovecot } from './town.js';

let dovecot: Dovecot;
beforeAll(async () => {
  dovecot = await startDovecot(testDovecot);
});
afterAll(() => dovecot?.stop());

async function connect(username: string): Promise<ImapSession> {
  await dovecot.addUser(username);
  const network = {
    networks: [ipaddr.parseCIDR('127.0.0.0/8')],
    ports: new Set([dovecot.imapsPort]),
    secureContext: createSecureContext({ ca: dovecot.ca.pem }),
  };
  const server = { host: 'localhost', port: dovecot.imapsPort, security: 'tls' as const };
  return ImapSession.connect({ server, username, password: new Private('secret') }, network);
}

test('an IDLE that was left for nothing goes on, and the next command ends it', { timeout: 60_000 }, async () => {
  const imap = await connect('ada@example.test');
  try {
    await imap.open('INBOX');
    const never = new Promise<void>(() => undefined);
    for (let times = 0; times < 3; times++) await within(5_000, 'a short IDLE', imap.idle(10, never));
    const told = new Promise<number>((resolve) => (imap.onExists = resolve));
    await dovecot.deliver('ada@example.test', await buildMail({ from: 'bob@outside.test', to: 'ada@example.test' }));
    expect(await within(20_000, 'EXISTS', told)).toBe(1);
    expect(await imap.headers('1:*', 10)).toHaveLength(1);
    await within(5_000, 'a short IDLE', imap.idle(10, never));
    expect(await imap.status('INBOX')).toMatchObject({ messages: 1 });
    expect(await imap.uids({ header: { 'Message-ID': 'nothing' } })).toEqual([]);
    await expect(imap.open('No such folder')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(imap.usable()).toBe(true);
  } finally {
    await imap.close();
  }
  await expect(imap.status('INBOX')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
});

test('flags that are told among the answers to a FETCH are no mail, and are heard', { timeout: 60_000 }, async () => {
  const user = 'bo@example.test';
  const imap = await connect(user);
  await using person = await openMailClient({ port: dovecot.imapsPort, ca: dovecot.ca, user });
  try {
    for (let n = 0; n < 2; n++) await dovecot.deliver(user, await buildMail({ from: 'bob@outside.test', to: user, subject: `mail ${n}` }));
    await imap.open('INBOX');
    const [first, second] = await imap.headers('1:*', 10);
    const heard: string[] = [];
    imap.onFlags = (flags) => heard.push(...flags);
    await person.flag(first!.uid, ['$RejoinderLog']);
    const again = await imap.headers(String(second!.uid), 10);
    expect(again).toEqual([second]);
    expect(heard).toContain('$RejoinderLog');
  } finally {
    await imap.close();
  }
});
