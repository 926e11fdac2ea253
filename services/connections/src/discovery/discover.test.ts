// Which servers are guessed from what.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { readAutoconfig } from './autoconfig.js';
import { domainsOfExchanger, guessByProvider, guessesByFacts, type DomainFacts, type Guess, type Target } from './discover.js';
import { providers } from './provider-table.js';
import { providerOfHost, type KnownServer } from './providers.js';

const facts = (told: Partial<DomainFacts>): DomainFacts => ({ exchangers: [], hosts: [], targets: {}, ...told });
const guess = (told: Partial<DomainFacts>) => guessesByFacts('acme.example', facts(told))[0];
const at = (host: string, port: number): Target => ({ host, port });

describe('guessing servers', () => {
  it('knows a domain of one’s own by who takes its mail', () => {
    const by = (...exchangers: string[]) => guess({ exchangers }) as Guess | undefined;
    expect(by('ASPMX.L.GOOGLE.COM.', 'alt1.aspmx.l.google.com')).toMatchObject({ provider: 'Gmail', source: 'mx', signIn: 'app_password' });
    expect(by('acme-example.mail.protection.outlook.com')).toMatchObject({ provider: 'Microsoft 365', signIn: 'oauth' });
    expect(by('hotmail-com.olc.protection.outlook.com')?.provider).toBe('Outlook.com');
    expect(by('mx2.zoho.eu')?.imap.host).toBe('imappro.zoho.eu');
    expect(by('evilgoogle.com')).toBeUndefined();
  });

  it('takes names that exist, and guesses nothing of half a pair', () => {
    const named = (...hosts: string[]) => guess({ exchangers: ['mx.acme.example'], hosts: hosts.map((name) => `${name}.acme.example`) });
    expect(named('imap', 'smtp', 'mail')).toMatchObject({
      imap: { host: 'imap.acme.example', port: 993 },
      smtp: { host: 'smtp.acme.example', port: 465 },
      source: 'names',
    });
    expect(named('mail')).toMatchObject({ imap: { host: 'mail.acme.example' }, smtp: { host: 'mail.acme.example' } });
    expect(named('imap')).toBeUndefined();
    expect(guessByProvider('acme.example')).toBeUndefined();
  });

  it('takes the encrypted service of a domain before that which begins in clear, and warns of a name that is not its own', () => {
    const targets = { _imaps: at('in.acme.example', 993), _imap: at('in.acme.example', 143), _submission: at('out.acme.example', 587) };
    expect(guess({ targets })).toMatchObject({
      imap: { host: 'in.acme.example', port: 993, security: 'tls' },
      smtp: { host: 'out.acme.example', port: 587, security: 'starttls' },
      source: 'srv',
      hint: '',
    });
    const elsewhere = guess({ targets: { ...targets, _imaps: at('imap.host.example', 993) } }) as Guess;
    expect(elsewhere.hint).toContain('imap.host.example');
    expect(guess({ targets: { ...targets, _imaps: at('imap.fastmail.com', 993) } })).toMatchObject({
      provider: 'Fastmail',
      signIn: 'app_password',
    });
  });

  it('believes the file of the domain before its name service, and that before whoever takes its mail', () => {
    const imap: KnownServer = { host: 'file.acme.example', port: 993, security: 'tls' };
    const autoconfig = { imap, smtp: { ...imap, port: 465 }, username: 'ada', signIn: 'password' as const, pop3Only: false };
    const targets = { _imaps: at('srv.acme.example', 993), _submissions: at('srv.acme.example', 465) };
    const listed = { ...autoconfig, username: '' };
    const told = { autoconfig, listed, targets, exchangers: ['aspmx.l.google.com'], exchangerListed: listed, hosts: ['mail.acme.example'] };
    const all = guessesByFacts('acme.example', facts(told));
    expect(all.map((one) => one instanceof Fault || one.source)).toEqual(['autoconfig', 'ispdb', 'srv', 'mx', 'ispdb', 'names']);
    expect(all[0]).toMatchObject({ username: 'ada' });
    // A domain that says to have no IMAP is believed before what is known of its host.
    const none = guessesByFacts('acme.example', facts({ exchangerListed: listed, targets: { _imaps: at('', 0) } }));
    expect(none).toEqual([]);
    expect(guess({ listed: { ...listed, imap: undefined, pop3Only: true } })).toMatchObject({ code: 'POP3_ONLY' });
  });

  it('looks for who takes the mail under the names of that host, its own domain left out', () => {
    const of = (...exchangers: string[]) => domainsOfExchanger('acme.example', facts({ exchangers }));
    expect(of('MX1.eu.mail.host.example.', 'mx2.other.example')).toEqual(['eu.mail.host.example', 'mail.host.example', 'host.example']);
    expect(of('host.example')).toEqual(['host.example']);
    expect(of('mx.acme.example')).toEqual(['mx.acme.example']);
    expect(of()).toEqual([]);
  });

  it('refuses what has POP3 alone, and a provider that lets no mail program in, each with its reason', () => {
    expect(guess({ targets: { _pop3s: at('pop.acme.example', 995) }, hosts: ['mail.acme.example'] })).toMatchObject({ code: 'POP3_ONLY' });
    const none = { _imaps: at('', 0), _pop3s: at('pop.acme.example', 995) };
    expect(guess({ targets: none })).toMatchObject({ code: 'POP3_ONLY' });
    expect(guess({ targets: { _imaps: at('', 0) }, hosts: ['mail.acme.example'] })).toBeUndefined();
    expect(guessByProvider('tuta.com')).toMatchObject({ code: 'NO_IMAP' });
    expect((guess({ exchangers: ['mail.protonmail.ch'] }) as Fault).message).toContain('Bridge');
  });
});

describe('the file of a domain', () => {
  const file = (servers: string) => `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="acme.example">
    ${servers}<outgoingServer type="smtp"><hostname>smtp.%EMAILDOMAIN%</hostname><port>587</port><socketType>STARTTLS</socketType>
    <authentication>password-cleartext</authentication></outgoingServer></emailProvider></clientConfig>`;
  const incoming = (
    type: string,
    socket = 'SSL',
    ways = ['password-cleartext'],
    host = 'mail.%EMAILDOMAIN%',
  ) => `<incomingServer type="${type}">
    <hostname>${host}</hostname><port>993</port><socketType>${socket}</socketType><username>%EMAILLOCALPART%</username>
    ${ways.map((way) => `<authentication>${way}</authentication>`).join('')}</incomingServer>`;
  const read = (servers: string) => readAutoconfig(file(servers), 'ada@acme.example');

  it('passes over POP3 and plain text, and fills in what the person is called there', () => {
    expect(read(incoming('pop3') + incoming('imap', 'plain') + incoming('imap'))).toEqual({
      imap: { host: 'mail.acme.example', port: 993, security: 'tls' },
      smtp: { host: 'smtp.acme.example', port: 587, security: 'starttls' },
      username: 'ada',
      signIn: 'password',
      pop3Only: false,
    });
    expect(read(incoming('imap', 'SSL', ['OAuth2']))?.signIn).toBe('oauth');
    expect(read(incoming('imap', 'SSL', ['OAuth2', 'password-cleartext']))?.signIn).toBe('password');
    expect(read(incoming('pop3'))).toMatchObject({ pop3Only: true });
  });

  it('is nothing where it is not one, brings entities, or names no host', () => {
    for (const text of ['', 'no', '<html/>', '<clientConfig/>', '<a>'.repeat(20_000), '<clientConfig><emailProvider>text</emailProvider>'])
      expect(readAutoconfig(text, 'ada@acme.example')).toBeUndefined();
    const entities = `<!DOCTYPE x [<!ENTITY h "inner">]>${file(incoming('imap', 'SSL', [], '&h;'))}`;
    expect(readAutoconfig(entities, 'ada@acme.example')).toBeUndefined();
    expect(read(incoming('imap', 'SSL', [], '127.0.0.1/x'))?.imap).toBeUndefined();
  });
});

describe('the table of providers', () => {
  it('offers only encrypted servers, each domain once, and says of each how one signs in', () => {
    const domains = providers.flatMap((one) => one.domains);
    expect(new Set(domains).size).toBe(domains.length);
    for (const { name, servers, hint, signIn, source } of providers) {
      if (servers) expect([name, servers.imap.port === 993, [465, 587].includes(servers.smtp.port)]).toEqual([name, true, true]);
      if (!servers || signIn !== 'password') expect([name, hint !== '']).toEqual([name, true]);
      expect([name, source !== '']).toEqual([name, true]);
    }
    expect(providerOfHost('imap.gmail.com')?.name).toBe('Gmail');
  });

  it('is what docs/providers.md shows', () => {
    const page = readFileSync(new URL('../../../../docs/providers.md', import.meta.url), 'utf8');
    const cells = (line: string) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
    const rows = page
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .slice(2)
      .map(cells);
    const at = ({ host, port, security }: KnownServer) => `${host}:${port}${security === 'tls' ? '' : ' STARTTLS'}`;
    const ways = { password: 'password', app_password: 'app password', oauth: 'sign-in page' };
    expect(rows).toEqual(
      providers.map(({ name, domains, mailExchangers, servers, signIn, hint, source }) => [
        name,
        domains.join(', '),
        mailExchangers.join(', '),
        servers ? at(servers.imap) : 'none',
        servers ? at(servers.smtp) : 'none',
        servers ? ways[signIn] : 'none',
        hint,
        source,
      ]),
    );
  });
});
