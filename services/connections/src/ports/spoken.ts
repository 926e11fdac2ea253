// Knows by the first words on a port what is spoken there, and says what is wrong for whoever expected something else.
import type { ErrorCode } from '@rejoinder/contracts/catalogue';
import type { MailServer } from '@rejoinder/runtime/mail-host';

export type Protocol = 'imap' | 'smtp';

export interface Spoken {
  /** How the port begins: encrypted, or in clear as STARTTLS does. */
  security: MailServer['security'];
  /** Undefined where only that is known. */
  language?: 'imap' | 'smtp' | 'pop3' | 'http';
}

const greetings: [RegExp, Spoken['language']][] = [
  [/^\* (OK|PREAUTH|BYE)\b/i, 'imap'],
  [/^\+OK\b|^-ERR\b/, 'pop3'],
  [/^HTTP\//, 'http'],
  // RFC 5321 §3.1: 220 or, where it will not serve, 554; 421 where it is busy.
  [/^(220|421|554)[ -]/, 'smtp'],
];

export function languageOf(words: string): Spoken['language'] {
  return greetings.find(([form]) => form.test(words))?.[1];
}

/** Undefined where all is as expected. */
export function mismatch(protocol: Protocol, { security }: MailServer, spoken: Spoken): ErrorCode | undefined {
  if (spoken.language === 'pop3') return 'POP3_REFUSED';
  if (spoken.language === 'http') return 'HTTP_HERE';
  if (spoken.language && spoken.language !== protocol) return protocol === 'imap' ? 'SMTP_HERE' : 'IMAP_HERE';
  if (spoken.security === security) return undefined;
  return spoken.security === 'tls' ? 'TLS_HERE' : 'STARTTLS_HERE';
}

/** A server that is called after POP3 is meant to be one, also where nothing answers on its port. */
export const isCalledPop3 = (protocol: Protocol, { host }: MailServer): boolean => protocol === 'imap' && /^pop3?[.-]/i.test(host);
