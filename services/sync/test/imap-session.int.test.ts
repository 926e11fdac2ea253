// The connection itself, against a real server.
import { expect, test } from 'vitest';
import { createSecureContext } from 'node:tls';
import ipaddr from 'ipaddr.js';
import { Private } from '@rejoinder/base/private';
import { within } from '@rejoinder/base/wait';
import { startDovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { ImapSession } from '../src/imap/imap-session.js';
import { testDovecot } from './town.js';

test('an IDLE that was left for nothing goes on, and the next command ends it', { timeout: 60_000 }, async () => {
  await using dovecot = await startDovecot(testDovecot);
  await dovecot.addUser('ada@example.test');
  const network = {
    networks: [ipaddr.parseCIDR('127.0.0.0/8')],
    ports: new Set([dovecot.imapsPort]),
    secureContext: createSecureContext({ ca: dovecot.ca.pem }),
  };
  const server = { host: 'localhost', port: dovecot.imapsPort, security: 'tls' as const };
  const imap = await ImapSession.connect({ server, username: 'ada@example.test', password: new Private('secret') }, network);
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
