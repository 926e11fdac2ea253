// Logins on wrong ports of real servers: each is told which it is and what to type instead, and none is waited for until it gives up.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer as createWebServer } from 'node:http';
import { createServer as createSecureWebServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { createTestCa } from '@rejoinder/testing/certificates';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { freePorts } from '@rejoinder/testing/ports';
import { role } from '../src/role.js';

const user = 'vera@rejoinder.test';
let dovecot: Dovecot;
let test: TestHouse;
const others: Server[] = [];
const ports = {} as Record<'pop3' | 'pop3s' | 'web' | 'secureWeb' | 'silent' | 'untrusted' | 'clearAlone' | 'closed', number>;

const tls = (port: number, host = 'localhost') => ({ host, port, security: 'tls' });
const starttls = (port: number, host = 'localhost') => ({ host, port, security: 'starttls' });

async function verify(more: object, password = 'secret') {
  const login = { address: user, password, imap: tls(dovecot.imapsPort), smtp: tls(dovecot.submissionsPort), ...more };
  return test.peers.client(ConnectionsService).verify({ tenantId: test.tenantId, login }, { deadlineMs: 40_000 });
}
const codes = async (more: object) => (await verify(more)).checks.map(({ code }) => code);

async function listen(name: keyof typeof ports, server: Server): Promise<void> {
  others.push(server);
  server.listen(ports[name], '127.0.0.1');
  await once(server, 'listening');
}

beforeAll(async () => {
  dovecot = await startDovecot({ extra: 'submission_max_mail_size = 36700160' });
  await dovecot.addUser(user);
  const free = await freePorts(8);
  for (const name of ['pop3', 'pop3s', 'web', 'secureWeb', 'silent', 'untrusted', 'clearAlone', 'closed'] as const)
    ports[name] = free.pop()!;
  const says = (words: string) => (socket: Socket) => void socket.on('error', () => undefined).write(words);
  const certificate = await dovecot.ca.issue();
  await listen('pop3', createServer(says('+OK ready\r\n')));
  await listen('pop3s', createTlsServer(certificate, says('+OK ready\r\n')));
  await listen(
    'web',
    createWebServer((_, response) => response.end('hello')),
  );
  await listen(
    'secureWeb',
    createSecureWebServer(certificate, (_, response) => response.end('hello')),
  );
  await listen('silent', createServer());
  await listen('untrusted', createTlsServer(await (await createTestCa('Nobody')).issue(), says('* OK ready\r\n')));
  await listen('clearAlone', createServer(says('* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n')));
  const caFile = join(dovecot.folder, 'ca.pem');
  await writeFile(caFile, dovecot.ca.pem);
  const allowed = [dovecot.imapPort, dovecot.imapsPort, dovecot.submissionPort, dovecot.submissionsPort, ...Object.values(ports)];
  test = await startTestHouse({
    roles: [role],
    env: {
      REJOINDER_MAIL_CA_FILE: caFile,
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: allowed.join(','),
    },
  });
});
afterAll(async () => {
  for (const server of others) server.close();
  await test?.stop();
  await dovecot?.stop();
});

describe('a login on a wrong port', () => {
  it('is told that TLS and STARTTLS are the other way round, and what to choose', async () => {
    expect(await codes({ imap: tls(dovecot.imapPort), smtp: tls(dovecot.submissionPort) })).toEqual(['STARTTLS_HERE', 'STARTTLS_HERE']);
    expect(await codes({ imap: starttls(dovecot.imapsPort), smtp: starttls(dovecot.submissionsPort) })).toEqual(['TLS_HERE', 'TLS_HERE']);
    const { checks } = await verify({ imap: starttls(dovecot.imapsPort) });
    expect(checks[0]).toMatchObject({ detail: catalogue.TLS_HERE.sentence, action: 'Choose TLS' });
  });

  it('is told that the ports of IMAP and SMTP are swapped', async () => {
    expect(await codes({ imap: tls(dovecot.submissionsPort), smtp: tls(dovecot.imapsPort) })).toEqual(['SMTP_HERE', 'IMAP_HERE']);
    expect(await codes({ imap: starttls(dovecot.submissionPort), smtp: starttls(dovecot.imapPort) })).toEqual(['SMTP_HERE', 'IMAP_HERE']);
  });

  it('is told of POP3: by its greeting or its port, in clear or encrypted', async () => {
    expect(await codes({ imap: starttls(ports.pop3), smtp: tls(ports.pop3s) })).toEqual(['POP3_REFUSED', 'POP3_REFUSED']);
    expect(await codes({ imap: tls(ports.pop3s), smtp: starttls(ports.pop3) })).toEqual(['POP3_REFUSED', 'POP3_REFUSED']);
    expect(await codes({ imap: tls(995), smtp: starttls(110) })).toEqual(['POP3_REFUSED', 'POP3_REFUSED']);
    const { checks } = await verify({ imap: starttls(ports.pop3) });
    expect(checks[0]!.action).toContain('IMAP');
  });

  it('is told of a web server, in clear or encrypted', async () => {
    expect(await codes({ imap: tls(ports.web), smtp: starttls(ports.web) })).toEqual(['HTTP_HERE', 'HTTP_HERE']);
    expect(await codes({ imap: tls(ports.secureWeb), smtp: starttls(ports.secureWeb) })).toEqual(['HTTP_HERE', 'HTTP_HERE']);
  });

  it('is told within seconds', async () => {
    const start = Date.now();
    await codes({ imap: starttls(dovecot.imapsPort), smtp: starttls(ports.secureWeb) });
    expect(Date.now() - start).toBeLessThan(8_000);
  });

  it('keeps the reason it had where the port is the right one, or says nothing', async () => {
    expect(await codes({ imap: starttls(ports.clearAlone), smtp: tls(ports.closed) })).toEqual(['TLS_REQUIRED', 'REFUSED']);
    expect(await codes({ imap: tls(ports.untrusted), smtp: starttls(ports.untrusted) })).toEqual(['TLS_CERT', 'TLS_HERE']);
    expect(await codes({ imap: tls(ports.silent) })).toEqual(['TIMEOUT', '']);
  }, 60_000);

  it('says nothing of what a person might choose instead where the login itself was refused', async () => {
    const { checks } = await verify({}, 'wrong');
    expect(checks.map(({ code, action }) => [code, action])).toEqual([
      ['AUTH_REJECTED', ''],
      ['AUTH_REJECTED', ''],
    ]);
  });
});

describe('a login that works', () => {
  it('says what both servers can do before anything is stored', async () => {
    const { capabilities, sizeLimitBytes } = await verify({});
    expect(capabilities).toEqual(expect.arrayContaining(['IDLE', 'CONDSTORE', 'QRESYNC', 'SPECIAL-USE', 'MOVE', 'UIDPLUS']));
    expect(sizeLimitBytes).toBe(36_700_160n);
    expect(await test.query('select 1 from connections.inbox')).toEqual([]);
  });
});
