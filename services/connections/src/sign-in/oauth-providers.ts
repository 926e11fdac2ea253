// At whose pages people can sign in: Google, Microsoft and whichever OpenID Connect providers the settings name.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { Fault } from '@rejoinder/base/fault';
import { Private } from '@rejoinder/base/private';
import type { MailServer } from '@rejoinder/runtime/mail-host';
import type { ConnectionsSettings } from '../config.js';

export interface OAuthProvider {
  /** In contracts and rows, such as google. */
  id: string;
  /** On the button: Sign in with … */
  name: string;
  issuer: string;
  clientId: string;
  clientSecret: Private<string>;
  /** Joined by spaces. */
  scope: string;
  /** More of the authorisation request: what this provider wants to hear before it gives lasting access. */
  more: Record<string, string>;
  /** The only servers that an access token of this provider is ever said to. */
  imap: MailServer;
  smtp: MailServer;
  /** Where addresses of its own domains send, if not there. */
  ownSmtp?: MailServer;
  /** Of addresses that are known to be there; a domain of one's own is known by its IMAP server. */
  domains: readonly string[];
}

const tls = (host: string, port: number): MailServer => ({ host, port, security: 'tls' });

// https://mail.google.com/ is the scope of IMAP and SMTP. A refresh token comes only with consent (knowledge/providers, 2026-11).
const google = {
  id: 'google',
  name: 'Google',
  issuer: 'https://accounts.google.com',
  scope: 'openid email https://mail.google.com/',
  more: { access_type: 'offline', prompt: 'consent' },
  imap: tls('imap.gmail.com', 993),
  smtp: tls('smtp.gmail.com', 465),
  domains: ['gmail.com', 'googlemail.com'],
};

const microsoft = {
  id: 'microsoft',
  name: 'Microsoft',
  scope: 'openid email profile offline_access https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send',
  more: {},
  imap: tls('outlook.office365.com', 993),
  smtp: { host: 'smtp.office365.com', port: 587, security: 'starttls' } as const,
  ownSmtp: { host: 'smtp-mail.outlook.com', port: 587, security: 'starttls' } as const,
  domains: ['outlook.com', 'hotmail.com', 'live.com', 'msn.com', 'outlook.de', 'hotmail.de', 'hotmail.co.uk', 'hotmail.fr', 'live.co.uk'],
};

const maxFileProviders = 50;
const server = z.strictObject({
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65_535),
  security: z.enum(['tls', 'starttls']),
});
const fileForm = z
  .array(
    z.strictObject({
      id: z.string().regex(/^[a-z0-9-]{1,40}$/),
      name: z.string().min(1).max(60),
      issuer: z.url({ protocol: /^https$/ }),
      client_id: z.string().min(1).max(500),
      client_secret: z.string().min(1).max(2_000),
      scope: z.string().min(1).max(1_000).default('openid email offline_access'),
      imap: server,
      smtp: server,
      domains: z.array(z.string().min(1).max(253).toLowerCase()).max(1_000).default([]),
    }),
  )
  .max(maxFileProviders);

/** All that the settings name; refuses, by the setting's name, what cannot be used. */
export function openProviders(settings: ConnectionsSettings): OAuthProvider[] {
  const { googleClientId, googleClientSecret, microsoftClientId, microsoftClientSecret, microsoftTenant, oauthProvidersFile } = settings;
  const issuer = `https://login.microsoftonline.com/${microsoftTenant}/v2.0`;
  const all = [
    ...registered('GOOGLE', google, googleClientId, googleClientSecret),
    ...registered('MICROSOFT', { ...microsoft, issuer }, microsoftClientId, microsoftClientSecret),
    ...(oauthProvidersFile === undefined ? [] : fromFile(oauthProvidersFile)),
  ];
  const ids = all.map(({ id }) => id);
  if (new Set(ids).size < ids.length)
    throw wrong('REJOINDER_OAUTH_PROVIDERS_FILE names a provider twice, or one that has settings of its own.');
  return all;
}

/** At whose page the owner of an address signs in, known by its domain or by its IMAP server. */
export function providerFor(providers: readonly OAuthProvider[], domain: string, imapHost: string | undefined): OAuthProvider | undefined {
  return providers.find(({ domains }) => domains.includes(domain)) ?? providers.find(({ imap }) => imap.host === imapHost);
}

/** At the provider's own servers and nowhere else: whoever gets an access token is in. */
export function serversAt({ imap, smtp, ownSmtp, domains }: OAuthProvider, domain: string): { imap: MailServer; smtp: MailServer } {
  return { imap, smtp: ownSmtp && domains.includes(domain) ? ownSmtp : smtp };
}

/** What discovery tells of an address whose owner signs in there. */
export function signInAt(provider: OAuthProvider, domain: string) {
  const { id, name } = provider;
  const how = { signIn: 'oauth', oauthProvider: id, oauthProviderName: name, hint: '' };
  return { ...serversAt(provider, domain), provider: name, source: 'provider', ...how };
}

type Known = Omit<OAuthProvider, 'clientId' | 'clientSecret'>;

function registered(name: string, known: Known, clientId: string | undefined, clientSecret: Private<string>): OAuthProvider[] {
  const hasSecret = clientSecret.reveal() !== '';
  if ((clientId !== undefined) !== hasSecret)
    throw wrong(`REJOINDER_OAUTH_${name}_CLIENT_ID and REJOINDER_OAUTH_${name}_CLIENT_SECRET belong together: set both or none.`);
  return clientId === undefined ? [] : [{ ...known, clientId, clientSecret }];
}

function fromFile(path: string): OAuthProvider[] {
  const read = fileForm.safeParse(jsonOf(path));
  if (!read.success) {
    const [issue] = read.error.issues;
    throw wrong(`REJOINDER_OAUTH_PROVIDERS_FILE names a file that is wrong at ${issue?.path.join('.') || 'its top'}: ${issue?.message}`);
  }
  return read.data.map(({ client_id: clientId, client_secret, ...known }) => ({
    ...known,
    clientId,
    clientSecret: new Private(client_secret),
    // OpenID Connect Core §11: offline_access is granted only where the person is asked.
    more: (known.scope.split(' ').includes('offline_access') ? { prompt: 'consent' } : {}) as Record<string, string>,
  }));
}

function jsonOf(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw wrong('REJOINDER_OAUTH_PROVIDERS_FILE names a file that cannot be read, or is not JSON.');
  }
}

function wrong(sentence: string): Fault {
  return new Fault('invalid', 'SETTINGS', sentence);
}
