// Mail providers whose servers are known: by the domain of the address, or by the host that takes the domain's mail.
// Sources: knowledge/providers (2026-11) for Gmail, Microsoft 365, iCloud, Yahoo; the providers' own help pages for the others.

export interface KnownServer {
  host: string;
  port: number;
  security: 'tls' | 'starttls';
}

export interface Provider {
  name: string;
  domains: readonly string[];
  /** Ends of MX host names by which a domain of one's own is known to lie here. */
  mailExchangers: readonly string[];
  imap: KnownServer;
  smtp: KnownServer;
  /** What a person should know before they type a password; empty where nothing is special. */
  hint: string;
}

const imaps = (host: string): KnownServer => ({ host, port: 993, security: 'tls' });
const smtps = (host: string): KnownServer => ({ host, port: 465, security: 'tls' });
const submission = (host: string): KnownServer => ({ host, port: 587, security: 'starttls' });

const appPassword = (name: string, where: string) => `${name} takes an app password here, not the usual one. ${where}`;

export const providers: readonly Provider[] = [
  {
    name: 'Gmail',
    domains: ['gmail.com', 'googlemail.com'],
    mailExchangers: ['google.com', 'googlemail.com'],
    imap: imaps('imap.gmail.com'),
    smtp: smtps('smtp.gmail.com'),
    // Passwords ended in 2022 (consumers) and 2025 (Workspace); app passwords work with 2-step verification.
    hint: appPassword('Google', 'Switch on 2-step verification, then make an app password at myaccount.google.com/apppasswords.'),
  },
  {
    name: 'Microsoft 365',
    domains: ['outlook.com', 'hotmail.com', 'live.com', 'msn.com', 'outlook.de', 'hotmail.de', 'hotmail.co.uk', 'hotmail.fr', 'live.co.uk'],
    mailExchangers: ['protection.outlook.com', 'olc.protection.outlook.com', 'mx.microsoft'],
    imap: imaps('outlook.office365.com'),
    smtp: submission('smtp.office365.com'),
    // IMAP by password has been off since the end of 2022 and cannot be switched on again.
    hint: 'Microsoft accepts no passwords from mail programs any more, only its own sign-in page, which cannot be used here yet: a password will be refused.',
  },
  {
    name: 'iCloud',
    domains: ['icloud.com', 'me.com', 'mac.com'],
    mailExchangers: ['mail.icloud.com'],
    imap: imaps('imap.mail.me.com'),
    smtp: submission('smtp.mail.me.com'),
    hint: appPassword('Apple', 'Make an app-specific password at account.apple.com.'),
  },
  {
    name: 'Yahoo',
    domains: ['yahoo.com', 'yahoo.co.uk', 'yahoo.de', 'yahoo.fr', 'yahoo.es', 'yahoo.it', 'ymail.com', 'rocketmail.com'],
    mailExchangers: ['yahoodns.net'],
    imap: imaps('imap.mail.yahoo.com'),
    smtp: smtps('smtp.mail.yahoo.com'),
    hint: appPassword('Yahoo', 'Make one under Account security.'),
  },
  {
    name: 'AOL',
    domains: ['aol.com', 'aim.com'],
    mailExchangers: [],
    imap: imaps('imap.aol.com'),
    smtp: smtps('smtp.aol.com'),
    hint: appPassword('AOL', 'Make one under Account security.'),
  },
  {
    name: 'Fastmail',
    domains: ['fastmail.com', 'fastmail.fm', 'fastmail.net'],
    mailExchangers: ['messagingengine.com'],
    imap: imaps('imap.fastmail.com'),
    smtp: smtps('smtp.fastmail.com'),
    hint: appPassword('Fastmail', 'Make one under Settings, Privacy & Security.'),
  },
  {
    name: 'GMX',
    domains: ['gmx.de', 'gmx.net', 'gmx.at', 'gmx.ch'],
    mailExchangers: ['gmx.net'],
    imap: imaps('imap.gmx.net'),
    smtp: submission('mail.gmx.net'),
    hint: 'GMX lets mail programs in once POP3 and IMAP access is switched on in its settings.',
  },
  {
    name: 'GMX',
    domains: ['gmx.com', 'gmx.us', 'gmx.co.uk'],
    mailExchangers: ['gmx.com'],
    imap: imaps('imap.gmx.com'),
    smtp: submission('mail.gmx.com'),
    hint: 'GMX lets mail programs in once POP3 and IMAP access is switched on in its settings.',
  },
  {
    name: 'WEB.DE',
    domains: ['web.de'],
    mailExchangers: ['web.de'],
    imap: imaps('imap.web.de'),
    smtp: submission('smtp.web.de'),
    hint: 'WEB.DE lets mail programs in once POP3 and IMAP access is switched on in its settings.',
  },
  {
    name: 'Zoho',
    domains: ['zoho.com', 'zohomail.com'],
    mailExchangers: ['zoho.com'],
    imap: imaps('imap.zoho.com'),
    smtp: smtps('smtp.zoho.com'),
    hint: 'Zoho needs IMAP access switched on in its settings, and an app password where 2-step verification is on.',
  },
  {
    name: 'mailbox.org',
    domains: ['mailbox.org'],
    mailExchangers: ['mailbox.org'],
    imap: imaps('imap.mailbox.org'),
    smtp: smtps('smtp.mailbox.org'),
    hint: '',
  },
];

/** The provider of a domain itself. */
export function providerOfDomain(domain: string): Provider | undefined {
  return providers.find(({ domains }) => domains.includes(domain));
}

/** The provider that takes a domain's mail, by the names of its mail exchangers. */
export function providerOfExchangers(hosts: readonly string[]): Provider | undefined {
  const names = hosts.map((host) => host.toLowerCase().replace(/\.$/, ''));
  return providers.find(({ mailExchangers }) =>
    mailExchangers.some((end) => names.some((name) => name === end || name.endsWith(`.${end}`))),
  );
}
