// Sessions with a real Dovecot and with servers that misbehave: what each refusal is called, and that no password is ever said in clear.
import { writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { Private } from '@rejoinder/base/private';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { createTestCa } from '@rejoinder/testing/certificates';
import { readSettings } from './config.js';
import { connectImap, imapFault, type MailLogin } from './imap-connect.js';
import type { MailServer } from './mail-host.js';
import { mailSettings, openMailNetwork, type MailNetwork } from './mail-settings.js';
import { connectSmtp } from './smtp-connect.js';

const user = 'anna@rejoinder.test';
let dovecot: Dovecot;
let network: MailNetwork;
const scripted: Server[] = [];

async function networkFor(pem: string, ports: number[]): Promise<MailNetwork> {
  const file = join(dovecot.folder, `ca-${Math.random()}.pem`);
  await writeFile(file, pem);
  return openMailNetwork(
    readSettings(mailSettings, {
      REJOINDER_MAIL_CA_FILE: file,
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: ports.join(','),
    }),
  );
}

const login = (server: MailServer, password = 'secret'): MailLogin => ({ server, username: user, password: new Private(password) });
const at = (port: number, security: 'tls' | 'starttls', host = 'localhost'): MailServer => ({ host, port, security });
const codeOf = async (promise: Promise<{ close(): void }>): Promise<string> => {
  try {
    (await promise).close();
    return 'passed';
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
};

/** A server that says its lines: the first at once, the others one for each line it hears. */
async function says(...lines: string[]): Promise<MailNetwork & { port: number; heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((socket: Socket) => {
    const left = [...lines];
    socket.on('error', () => undefined);
    const say = () => socket.write(left.shift() ?? '');
    say();
    socket.on('data', (data) => {
      heard.push(data.toString());
      if (left.length > 0) say();
    });
  });
  scripted.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { ...network, ports: new Set([port]), port, heard };
}

beforeAll(async () => {
  dovecot = await startDovecot();
  await dovecot.addUser(user);
  network = await networkFor(dovecot.ca.pem, [dovecot.imapPort, dovecot.imapsPort, dovecot.submissionPort, dovecot.submissionsPort]);
});
afterAll(async () => {
  for (const server of scripted) server.close();
  await dovecot.stop();
});

describe('IMAP', () => {
  it('logs in over TLS and over STARTTLS', async () => {
    for (const server of [at(dovecot.imapsPort, 'tls'), at(dovecot.imapPort, 'starttls')]) {
      const client = await connectImap(login(server), network);
      expect(client.usable).toBe(true);
      expect(client.secureConnection).toBe(true);
      await client.logout();
    }
  });

  it('tells a wrong password, a wrong name, a stranger as signer, no TLS, a blocked address, a closed port', async () => {
    expect(await codeOf(connectImap(login(at(dovecot.imapsPort, 'tls'), 'wrong'), network))).toBe('AUTH_REJECTED');
    expect(await codeOf(connectImap(login(at(dovecot.imapsPort, 'tls', '127.0.0.2')), network))).toMatch(/TLS_CERT|REFUSED/);
    const other = await networkFor((await createTestCa()).pem, [...network.ports]);
    expect(await codeOf(connectImap(login(at(dovecot.imapsPort, 'tls')), other))).toBe('TLS_CERT');
    expect(await codeOf(connectImap(login(at(dovecot.imapPort, 'starttls')), other))).toBe('TLS_CERT');
    expect(await codeOf(connectImap(login(at(dovecot.imapPort, 'tls')), network))).toBe('TLS_REQUIRED');
    expect(await codeOf(connectImap(login(at(dovecot.imapsPort, 'tls')), { ...network, networks: [] }))).toBe('HOST_BLOCKED');
    expect(await codeOf(connectImap(login(at(1, 'tls')), { ...network, ports: new Set([1]) }))).toBe('REFUSED');
  });

  it('never says a password where STARTTLS is not offered', async () => {
    const server = await says('* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n', '* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n1 OK done\r\n');
    expect(await codeOf(connectImap(login(at(server.port, 'starttls')), server))).toBe('TLS_REQUIRED');
    expect(server.heard.join('')).not.toMatch(/LOGIN|AUTHENTICATE|secret/);
  });

  it('never says a password where the session claims to be logged in already', async () => {
    const server = await says('* PREAUTH welcome\r\n', '* CAPABILITY IMAP4rev1 STARTTLS\r\n1 OK done\r\n');
    expect(await codeOf(connectImap(login(at(server.port, 'starttls')), server))).toBe('TLS_REQUIRED');
  });

  it('tells a server that says BYE for too many connections', async () => {
    const server = await says('* BYE Too many simultaneous connections\r\n');
    expect(await codeOf(connectImap(login(at(server.port, 'starttls')), server))).toBe('TOO_MANY_CONNECTIONS');
  });
});

describe('what an IMAP server answers', () => {
  const refused = (serverResponseCode: string | undefined, response = '') => ({
    authenticationFailed: true,
    responseStatus: 'NO',
    serverResponseCode,
    response,
  });

  it.each([
    ['AUTHENTICATIONFAILED', refused('AUTHENTICATIONFAILED', '3 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)')],
    ['a plain NO', refused(undefined, '3 NO LOGIN failed.')],
    ['EXPIRED', refused('EXPIRED')],
  ])('%s blames the password', (_, error) => expect(imapFault(error).code).toBe('AUTH_REJECTED'));

  it.each([
    ['UNAVAILABLE', refused('UNAVAILABLE'), 'UNAVAILABLE'],
    ['LIMIT', refused('LIMIT'), 'TOO_MANY_CONNECTIONS'],
    ['an alert of Gmail', refused('ALERT', '2 NO [ALERT] Too many simultaneous connections. (Failure)'), 'TOO_MANY_CONNECTIONS'],
    ['a plain NO that passes', refused(undefined, '2 NO Server temporarily unavailable, try again later'), 'UNAVAILABLE'],
    ['an app password', refused('ALERT', '3 NO [ALERT] Application-specific password required'), 'APP_PASSWORD_NEEDED'],
    ['a backoff of Microsoft', { code: 'ETHROTTLE', throttleReset: 2_000 }, 'THROTTLED'],
    ['a FETCH over the quota', { responseStatus: 'NO', response: { attributes: [{ section: [{ value: 'OVERQUOTA' }] }] } }, 'QUOTA'],
    ['a FETCH that is slowed', { responseStatus: 'NO', response: { attributes: [{ section: [{ value: 'THROTTLED' }] }] } }, 'THROTTLED'],
    ['an endless line', { code: 'LineTooLarge' }, 'SERVER_BROKEN'],
    ['a broken wire', { code: 'NoConnection' }, 'CONNECTION_LOST'],
    ['silence', { code: 'ETIMEOUT' }, 'TIMEOUT'],
  ])('%s does not', (_, error, code) => expect(imapFault(error).code).toBe(code));
});

describe('SMTP', () => {
  it('logs in over TLS and over STARTTLS', async () => {
    for (const server of [at(dovecot.submissionsPort, 'tls'), at(dovecot.submissionPort, 'starttls')]) {
      const connection = await connectSmtp(login(server), network);
      expect([connection.authenticated, connection.secure]).toEqual([true, true]);
      connection.quit();
    }
  });

  it('tells a wrong password, a stranger as signer, no TLS, a blocked address, a closed port', async () => {
    expect(await codeOf(connectSmtp(login(at(dovecot.submissionsPort, 'tls'), 'wrong'), network))).toBe('AUTH_REJECTED');
    const other = await networkFor((await createTestCa()).pem, [...network.ports]);
    expect(await codeOf(connectSmtp(login(at(dovecot.submissionsPort, 'tls')), other))).toBe('TLS_CERT');
    expect(await codeOf(connectSmtp(login(at(dovecot.submissionPort, 'starttls')), other))).toBe('TLS_CERT');
    expect(await codeOf(connectSmtp(login(at(dovecot.submissionPort, 'tls')), network))).toBe('TLS_REQUIRED');
    expect(await codeOf(connectSmtp(login(at(dovecot.submissionsPort, 'tls')), { ...network, networks: [] }))).toBe('HOST_BLOCKED');
    expect(await codeOf(connectSmtp(login(at(1, 'tls')), { ...network, ports: new Set([1]) }))).toBe('REFUSED');
  });

  it('never says a password where STARTTLS is not offered', async () => {
    const server = await says('220 hello\r\n', '250-hello\r\n250 AUTH PLAIN\r\n', '502 what?\r\n');
    expect(await codeOf(connectSmtp(login(at(server.port, 'starttls')), server))).toBe('TLS_REQUIRED');
    expect(server.heard.join('')).not.toMatch(/AUTH|secret/);
  });

  it('knows a POP3 server by its greeting and shows none of it', async () => {
    const server = await says('+OK internal-secret POP3 ready\r\n');
    const fault = await connectSmtp(login(at(server.port, 'starttls')), server).catch((error: unknown) => error);
    expect(fault).toMatchObject({ code: 'POP3_REFUSED' });
    expect(JSON.stringify([(fault as Fault).message, fault])).not.toContain('internal-secret');
  });

  it.each([
    ['454 4.7.0 Temporary authentication failure', 'UNAVAILABLE'],
    ['535 5.7.8 Error: authentication failed', 'AUTH_REJECTED'],
    ['534-5.7.9 Application-specific password required', 'APP_PASSWORD_NEEDED'],
    ['535 5.7.139 Authentication unsuccessful, basic authentication is disabled.', 'OAUTH_ONLY'],
  ])('%s is %s', async (response, code) => {
    const { smtpFault } = await import('./smtp-connect.js');
    expect(smtpFault({ code: 'EAUTH', response, responseCode: Number(response.slice(0, 3)) }).code).toBe(code);
  });
});
