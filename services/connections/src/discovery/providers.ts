// Finds a known mail provider: by the domain of the address, by the host that takes the domain's mail, or by its own server.
import { providers } from './provider-table.js';

export interface KnownServer {
  host: string;
  port: number;
  security: 'tls' | 'starttls';
}

/** How a person signs in: by their usual password, by one made for this program, or on the provider's own page. */
export type SignIn = 'password' | 'app_password' | 'oauth';

export interface Provider {
  name: string;
  domains: readonly string[];
  /** Ends of MX host names by which a domain of one's own is known to lie here. */
  mailExchangers: readonly string[];
  /** Undefined where the provider lets no mail program in; the hint says so. */
  servers?: { imap: KnownServer; smtp: KnownServer };
  signIn: SignIn;
  /** What a person should know before they type a password; empty where nothing is special. */
  hint: string;
  /** Where servers and sign-in are told, as of 2026-11. */
  source: string;
}

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

/** The provider whose IMAP server this is. */
export function providerOfHost(host: string): Provider | undefined {
  return providers.find(({ servers }) => servers?.imap.host === host);
}
