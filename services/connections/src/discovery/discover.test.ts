// Which servers are guessed from what.
import { describe, expect, it } from 'vitest';
import { guessByFacts, guessByProvider } from './discover.js';
import { providers } from './providers.js';

describe('guessing servers', () => {
  it('knows a domain of one’s own by who takes its mail', () => {
    const facts = (...exchangers: string[]) => ({ exchangers, hosts: [] });
    expect(guessByFacts('acme.example', facts('ASPMX.L.GOOGLE.COM.', 'alt1.aspmx.l.google.com'))?.provider).toBe('Gmail');
    expect(guessByFacts('acme.example', facts('acme-example.mail.protection.outlook.com'))?.hint).toContain('will be refused');
    expect(guessByFacts('acme.example', facts('evilgoogle.com'))).toBeUndefined();
  });

  it('takes names that exist, and guesses nothing of half a pair', () => {
    const facts = (...hosts: string[]) => ({ exchangers: ['mx.acme.example'], hosts: hosts.map((name) => `${name}.acme.example`) });
    expect(guessByFacts('acme.example', facts('imap', 'smtp', 'mail'))).toMatchObject({
      imap: { host: 'imap.acme.example', port: 993 },
      smtp: { host: 'smtp.acme.example', port: 465 },
    });
    expect(guessByFacts('acme.example', facts('mail'))).toMatchObject({
      imap: { host: 'mail.acme.example' },
      smtp: { host: 'mail.acme.example' },
    });
    expect(guessByFacts('acme.example', facts('imap'))).toBeUndefined();
    expect(guessByProvider('acme.example')).toBeUndefined();
  });

  it('offers only encrypted servers, and each domain once', () => {
    const domains = providers.flatMap((one) => one.domains);
    expect(new Set(domains).size).toBe(domains.length);
    for (const { imap, smtp } of providers) expect([imap.port === 993, [465, 587].includes(smtp.port)]).toEqual([true, true]);
  });
});
