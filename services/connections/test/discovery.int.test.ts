// Finding the servers of an address with a real name service and real web servers: in what order a domain is asked, and whom it may name.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { createTestCa } from '@rejoinder/testing/certificates';
import { removeFolder, temporaryFolder } from '@rejoinder/testing/folders';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { startNameServer, type NameServer } from '@rejoinder/testing/name-server';
import { freePorts } from '@rejoinder/testing/ports';
import { role } from '../src/role.js';

type Page = (request: IncomingMessage, response: ServerResponse) => void;

/** By host and path. */
const pages = new Map<string, Page>();
const asked: string[] = [];
let folder: string;
const webs: Server[] = [];
let webPort: number;
let names: NameServer;
let test: TestHouse;
const ours = ['127.0.0.1'];
const inside = '127.0.0.2';
const known = '/mail/config-v1.1.xml';
const wellKnown = '/.well-known/autoconfig/mail/config-v1.1.xml';
const says =
  (text: string): Page =>
  (_, response) =>
    response.end(text);
const sends =
  (to: string): Page =>
  (_, response) =>
    response.writeHead(302, { location: to }).end();

const file = (host: string, type = 'imap') => `<clientConfig version="1.1"><emailProvider id="x">
  <incomingServer type="${type}"><hostname>${host}</hostname><port>993</port><socketType>SSL</socketType><username>%EMAILLOCALPART%</username></incomingServer>
  <outgoingServer type="smtp"><hostname>${host}</hostname><port>465</port><socketType>SSL</socketType></outgoingServer>
  </emailProvider></clientConfig>`;

const discover = (domain: string) =>
  test.peers
    .client(ConnectionsService)
    .discover({ tenantId: test.tenantId, address: `ada@${domain}` }, { deadlineMs: 15_000 })
    .then(
      ({ source, imap, smtp, username, provider, signIn }) => ({
        ...{ source, imap: imap?.host, smtp: `${smtp?.host}:${smtp?.port} ${smtp?.security}` },
        ...{ username, provider, signIn },
      }),
      (error: { code: string }) => error.code,
    );

function answer(request: IncomingMessage, response: ServerResponse): void {
  const host = request.headers.host!.split(':')[0]!;
  asked.push(`${host}${request.url}`);
  const page = pages.get(`${host}${request.url!.split('?')[0]}`);
  if (page) page(request, response);
  else response.writeHead(404).end();
}

beforeAll(async () => {
  folder = await temporaryFolder('discovery');
  const ca = await createTestCa();
  const hosts = ['own', 'well', 'moved', 'inside', 'long', 'pop', 'slow', 'ispdb'].flatMap((name) => [
    `${name}.test`,
    `autoconfig.${name}.test`,
  ]);
  const certificate = await ca.issue([...hosts, 'hub.test', 'secret.test']);
  [webPort] = (await freePorts(1)) as [number];
  // 127.0.0.2 is the inside: there the server would answer as well.
  for (const address of [...ours, inside]) {
    const web = createServer(certificate, answer);
    webs.push(web.listen(webPort, address));
    await once(web, 'listening');
  }
  names = await startNameServer({
    ...Object.fromEntries([...hosts, 'hub.test'].map((host) => [host, { addresses: ours }])),
    'mail.host.test': { addresses: ours },
    'secret.test': { addresses: [inside] },
  });
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, ca.pem);
  test = await startTestHouse({
    roles: [role],
    env: {
      REJOINDER_MAIL_CA_FILE: caFile,
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.1/32',
      REJOINDER_CONNECTIONS_NAME_SERVERS: names.address,
      REJOINDER_CONNECTIONS_AUTOCONFIG_PORT: String(webPort),
      REJOINDER_CONNECTIONS_ISPDB_URL: `https://ispdb.test:${webPort}/v1.1/`,
    },
  });
});
afterAll(async () => {
  await test?.stop();
  await names?.stop();
  for (const web of webs) web.close();
  await removeFolder(folder);
});

describe('a domain of one’s own', () => {
  it('is asked for its file before its name service is believed', async () => {
    pages.set(`autoconfig.own.test${known}`, says(file('mail.host.test')));
    names.records.set('_imaps._tcp.own.test', { targets: [{ target: 'mail.host.test', port: 143 }] });
    expect(await discover('own.test')).toEqual({
      ...{
        source: 'autoconfig',
        imap: 'mail.host.test',
        smtp: 'mail.host.test:465 tls',
        username: 'ada',
        provider: '',
        signIn: 'password',
      },
    });
    expect(asked).toContain(`autoconfig.own.test${known}?emailaddress=ada%40own.test`);
  });

  it('may keep its file at its well-known place, or at its host’s, over HTTPS alone', async () => {
    pages.set(`well.test${wellKnown}`, says(file('mail.host.test')));
    expect(await discover('well.test')).toMatchObject({ source: 'autoconfig' });
    pages.set(`autoconfig.moved.test${known}`, sends(`https://hub.test:${webPort}/file`));
    pages.set('hub.test/file', says(file('mail.host.test')));
    expect(await discover('moved.test')).toMatchObject({ source: 'autoconfig' });
    pages.set(`autoconfig.moved.test${known}`, sends(`http://hub.test:${webPort}/file`));
    expect(await discover('moved.test')).toBe('SERVERS_UNKNOWN');
    pages.set(`autoconfig.moved.test${known}`, sends(`https://autoconfig.moved.test:${webPort}${known}`));
    expect(await discover('moved.test')).toBe('SERVERS_UNKNOWN');
  });

  it('sends nobody inside: not by a redirect, nor by the servers it names', async () => {
    pages.set(`autoconfig.inside.test${known}`, sends(`https://secret.test:${webPort}/file`));
    pages.set('secret.test/file', says(file('mail.host.test')));
    expect(await discover('inside.test')).toBe('SERVERS_UNKNOWN');
    expect(asked.join()).not.toContain('secret.test');
    pages.set(`autoconfig.inside.test${known}`, says(file('secret.test')));
    expect(await discover('inside.test')).toBe('SERVERS_UNKNOWN');
    names.records.set('_imaps._tcp.inside.test', { targets: [{ target: 'mail.host.test', port: 993 }] });
    names.records.set('_submissions._tcp.inside.test', { targets: [{ target: 'mail.host.test', port: 465 }] });
    expect(await discover('inside.test')).toMatchObject({ source: 'srv', imap: 'mail.host.test' });
  });

  it('is not waited for longer than seconds, nor listened to longer than any such file is', async () => {
    pages.set(`autoconfig.long.test${known}`, says(`${' '.repeat(20_000)}${file('mail.host.test')}`));
    expect(await discover('long.test')).toBe('SERVERS_UNKNOWN');
    pages.set(`autoconfig.slow.test${known}`, () => undefined);
    const start = Date.now();
    expect(await discover('slow.test')).toBe('SERVERS_UNKNOWN');
    expect(Date.now() - start).toBeLessThan(8_000);
  });
});

describe('the database of providers', () => {
  it('is asked for a domain that has no file of its own, before its name service is believed, and hears no address', async () => {
    pages.set('ispdb.test/v1.1/listed.test', says(file('mail.host.test')));
    names.records.set('_imaps._tcp.listed.test', { targets: [{ target: 'mail.host.test', port: 143 }] });
    expect(await discover('listed.test')).toMatchObject({ source: 'ispdb', imap: 'mail.host.test', username: 'ada' });
    expect(asked.filter((one) => one.startsWith('ispdb.test') && one.includes('listed'))).toEqual(['ispdb.test/v1.1/listed.test']);
    pages.set('ispdb.test/v1.1/own.test', says(file('other.host.test')));
    expect(await discover('own.test')).toMatchObject({ source: 'autoconfig', imap: 'mail.host.test' });
  });

  it('is asked for whoever takes the mail where nothing else is known, by the first of them', async () => {
    const taken = { exchangers: ['mx1.eu.hoster.test', 'mx.spare.test'] };
    names.records.set('hosted.test', taken);
    names.records.set('imap.hosted.test', { addresses: ours });
    names.records.set('smtp.hosted.test', { addresses: ours });
    expect(await discover('hosted.test')).toMatchObject({ source: 'names' });
    expect(asked.filter((one) => one.startsWith('ispdb.test') && /hoster|spare/.test(one)).sort()).toEqual(
      ['eu.hoster.test', 'hoster.test', 'mx1.eu.hoster.test'].map((name) => `ispdb.test/v1.1/${name}`),
    );
    pages.set('ispdb.test/v1.1/hoster.test', says(file('mail.host.test')));
    expect(await discover('hosted.test')).toMatchObject({ source: 'ispdb', imap: 'mail.host.test' });
  });

  it('sends nobody inside', async () => {
    pages.set('ispdb.test/v1.1/evil.test', says(file('secret.test')));
    expect(await discover('evil.test')).toBe('SERVERS_UNKNOWN');
    pages.set('ispdb.test/v1.1/evil.test', sends(`https://secret.test:${webPort}/file`));
    expect(await discover('evil.test')).toBe('SERVERS_UNKNOWN');
    expect(asked.join()).not.toContain('secret.test');
  });
});

describe('the name service', () => {
  it('tells the servers by SRV: the lowest priority, of these the heaviest, the encrypted before the other', async () => {
    const targets = (...of: [target: string, port: number, priority: number, weight: number][]) => ({
      targets: of.map(([target, port, priority, weight]) => ({ target, port, priority, weight })),
    });
    names.records.set('_imap._tcp.srv.test', targets(['old.host.test', 143, 0, 0]));
    names.records.set(
      '_imaps._tcp.srv.test',
      targets(['second.host.test', 993, 10, 5], ['mail.host.test', 993, 0, 9], ['x.host.test', 993, 0, 1]),
    );
    names.records.set('_submissions._tcp.srv.test', targets(['.', 0, 0, 0]));
    names.records.set('_submission._tcp.srv.test', targets(['mail.host.test', 587, 0, 0]));
    expect(await discover('srv.test')).toMatchObject({ source: 'srv', imap: 'mail.host.test', smtp: 'mail.host.test:587 starttls' });
  });

  it('tells who takes the mail of a domain, and which of the usual names exist', async () => {
    names.records.set('mx.test', { exchangers: ['aspmx.l.google.com', 'alt1.aspmx.l.google.com'] });
    expect(await discover('mx.test')).toMatchObject({ source: 'mx', provider: 'Gmail', signIn: 'app_password' });
    names.records.set('imap.plain.test', { addresses: ours });
    names.records.set('smtp.plain.test', { addresses: ours });
    expect(await discover('plain.test')).toMatchObject({ source: 'names', imap: 'imap.plain.test', smtp: 'smtp.plain.test:465 tls' });
  });

  it('is why a domain with POP3 alone is refused by that name', async () => {
    names.records.set('_imaps._tcp.pop.test', { targets: [{ target: '.', port: 0 }] });
    names.records.set('_pop3s._tcp.pop.test', { targets: [{ target: 'mail.host.test', port: 995 }] });
    expect(await discover('pop.test')).toBe('POP3_ONLY');
    names.records.delete('_pop3s._tcp.pop.test');
    expect(await discover('pop.test')).toBe('SERVERS_UNKNOWN');
    pages.set(`autoconfig.pop.test${known}`, says(file('mail.host.test', 'pop3')));
    expect(await discover('pop.test')).toBe('POP3_ONLY');
  });
});
