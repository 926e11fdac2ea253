// What first words mean, and what a person is told who expected something else.
import { describe, expect, it } from 'vitest';
import { isCalledPop3, languageOf, mismatch, type Protocol, type Spoken } from './spoken.js';

const server = (security: 'tls' | 'starttls', host = 'mail.example.com') => ({ host, port: 993, security });

describe('a port', () => {
  it.each([
    ['* OK [CAPABILITY IMAP4rev1] ready', 'imap'],
    ['* BYE too many connections', 'imap'],
    ['220 mail.example.com ESMTP', 'smtp'],
    ['220-mail.example.com', 'smtp'],
    ['554 no service', 'smtp'],
    ['+OK POP3 ready', 'pop3'],
    ['HTTP/1.1 400 Bad Request', 'http'],
    ['SSH-2.0-OpenSSH', undefined],
    ['', undefined],
  ])('that says %s speaks %s', (words, language) => expect(languageOf(words)).toBe(language));

  it.each<[Protocol, 'tls' | 'starttls', Spoken, string | undefined]>([
    ['imap', 'tls', { security: 'tls', language: 'imap' }, undefined],
    ['smtp', 'starttls', { security: 'starttls', language: 'smtp' }, undefined],
    ['imap', 'tls', { security: 'starttls', language: 'imap' }, 'STARTTLS_HERE'],
    ['smtp', 'starttls', { security: 'tls', language: 'smtp' }, 'TLS_HERE'],
    ['smtp', 'starttls', { security: 'tls' }, 'TLS_HERE'],
    ['smtp', 'tls', { security: 'tls' }, undefined],
    ['imap', 'tls', { security: 'tls', language: 'smtp' }, 'SMTP_HERE'],
    ['smtp', 'starttls', { security: 'tls', language: 'imap' }, 'IMAP_HERE'],
    ['imap', 'tls', { security: 'tls', language: 'pop3' }, 'POP3_REFUSED'],
    ['smtp', 'tls', { security: 'starttls', language: 'http' }, 'HTTP_HERE'],
  ])('expected to be %s by %s that is %j is %s', (protocol, security, spoken, code) =>
    expect(mismatch(protocol, server(security), spoken)).toBe(code),
  );

  it('of a server that is called after POP3 is one of POP3', () => {
    const called = (protocol: Protocol, host: string) => isCalledPop3(protocol, server('tls', host));
    expect([called('imap', 'POP.example.com'), called('imap', 'pop3.example.com'), called('imap', 'pop-mail.example.com')]).toEqual([
      true,
      true,
      true,
    ]);
    expect([called('smtp', 'pop.example.com'), called('imap', 'popular.example.com')]).toEqual([false, false]);
  });
});
