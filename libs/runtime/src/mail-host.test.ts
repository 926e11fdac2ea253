// Which addresses, names and ports of mail servers may be connected to.
import { describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { mayConnect } from './host.js';
import { checkServer, type MailServer } from './mail-host.js';
import { mailSettings, openMailNetwork } from './mail-settings.js';
import { readSettings } from './config.js';

const network = (env: Record<string, string> = {}) => openMailNetwork(readSettings(mailSettings, env));
const server = (host: string, port = 993): MailServer => ({ host, port, security: 'tls' });
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'passed',
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );

describe('the address of a mail server', () => {
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
    '198.18.0.1',
    '192.0.2.1',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::1',
    '2001:db8::1',
    'not an address',
  ])('%s is never connected to by itself', (address) => expect(mayConnect(address, [])).toBe(false));

  it.each(['8.8.8.8', '2a00:1450:4001:81b::200e'])('%s is public', (address) => expect(mayConnect(address, [])).toBe(true));

  it('is refused where one of several addresses points inside', async () => {
    const both = async () => ['8.8.8.8', '10.0.0.1'];
    expect(await codeOf(checkServer(server('mail.example.com'), network(), both))).toBe('HOST_BLOCKED');
  });

  it('may be in a network that the operator allows, and in no other', async () => {
    const allowed = network({ REJOINDER_MAIL_ALLOWED_NETWORKS: '10.0.0.0/8, fd00::/8' });
    expect(await checkServer(server('mail.example.com'), allowed, async () => ['10.9.9.9'])).toMatchObject({
      address: '10.9.9.9',
      servername: 'mail.example.com',
    });
    expect(await codeOf(checkServer(server('mail.example.com'), allowed, async () => ['192.168.0.1']))).toBe('HOST_BLOCKED');
    expect((await checkServer(server('[fd00::1]'), allowed)).servername).toBeUndefined();
  });

  it.each(['2130706433', '0x7f.1', '127.1', 'localhost', '0177.0.0.1'])('%s is a way to write this machine', async (host) => {
    expect(await codeOf(checkServer(server(host), network()))).toMatch(/^HOST_(BLOCKED|NOT_FOUND)$/);
  });

  it.each(['', 'a b', 'mail..example.com', 'mail.example.com/x', 'evil@mail.example.com', '-x.example', `${'a'.repeat(254)}`])(
    '%j is no host name',
    async (host) => expect(await codeOf(checkServer(server(host), network(), async () => ['8.8.8.8']))).toBe('HOST_NOT_FOUND'),
  );

  it('prefers IPv4 of a host that has both, and takes names of all scripts', async () => {
    const both = async () => ['2a00:1450:4001:81b::200e', '8.8.8.8'];
    expect(await checkServer(server('Bücher.example.'), network(), both)).toMatchObject({
      host: 'xn--bcher-kva.example',
      address: '8.8.8.8',
    });
  });

  it('is refused on ports of POP3 and others, by name', async () => {
    const anywhere = async () => ['8.8.8.8'];
    expect(await codeOf(checkServer(server('h.example', 995), network(), anywhere))).toBe('POP3_REFUSED');
    expect(await codeOf(checkServer(server('h.example', 110), network(), anywhere))).toBe('POP3_REFUSED');
    expect(await codeOf(checkServer(server('h.example', 25), network(), anywhere))).toBe('PORT_BLOCKED');
    expect(await codeOf(checkServer(server('h.example', 22), network(), anywhere))).toBe('PORT_BLOCKED');
    expect(await codeOf(checkServer(server('h.example', 587), network(), anywhere))).toBe('passed');
  });
});

describe('settings of mail servers', () => {
  it('names what is wrong', () => {
    const wrong = () => network({ REJOINDER_MAIL_ALLOWED_NETWORKS: '10.0.0.0', REJOINDER_MAIL_ALLOWED_PORTS: '993,x' });
    expect(wrong).toThrow(/REJOINDER_MAIL_ALLOWED_NETWORKS[^]*REJOINDER_MAIL_ALLOWED_PORTS/);
    expect(() => network({ REJOINDER_MAIL_CA_FILE: '/nowhere.pem' })).toThrow(/REJOINDER_MAIL_CA_FILE/);
  });
});
