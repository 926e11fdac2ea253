// Guesses both servers of an address from what the name service knows of its domain.
import { providerOfDomain, providerOfExchangers, type KnownServer, type Provider } from './providers.js';

export interface Guess {
  imap: KnownServer;
  smtp: KnownServer;
  provider: string;
  hint: string;
}

/** What was asked of the name service about one domain. */
export interface DomainFacts {
  exchangers: string[];
  /** Of the names that servers usually have, those that exist. */
  hosts: string[];
}

export const usualNames = ['imap', 'smtp', 'mail'] as const;

/** What is known without asking anybody. */
export function guessByProvider(domain: string): Guess | undefined {
  const provider = providerOfDomain(domain);
  return provider && guessOf(provider);
}

/** By the provider that takes the domain's mail, else by names that exist; undefined where the servers have to be typed. */
export function guessByFacts(domain: string, { exchangers, hosts }: DomainFacts): Guess | undefined {
  const provider = providerOfExchangers(exchangers);
  if (provider) return guessOf(provider);
  const first = (...names: string[]) => names.map((name) => `${name}.${domain}`).find((host) => hosts.includes(host));
  const [imap, smtp] = [first('imap', 'mail'), first('smtp', 'mail')];
  if (!imap || !smtp) return undefined;
  return {
    imap: { host: imap, port: 993, security: 'tls' },
    smtp: { host: smtp, port: 465, security: 'tls' },
    provider: '',
    hint: '',
  };
}

function guessOf({ name, imap, smtp, hint }: Provider): Guess {
  return { imap, smtp, provider: name, hint };
}
