// Guesses both servers of an address from what its domain tells: in its own file, in its name service, by who takes its mail; and from what others know of it.
import { Fault } from '@rejoinder/base/fault';
import { faultOf } from '@rejoinder/contracts/catalogue';
import type { Autoconfig } from './autoconfig.js';
import { providerOfDomain, providerOfExchangers, providerOfHost, type KnownServer, type Provider, type SignIn } from './providers.js';

export interface Guess {
  imap: KnownServer;
  smtp: KnownServer;
  /** Empty where it is the address. */
  username: string;
  provider: string;
  hint: string;
  signIn: SignIn;
  source: 'provider' | 'autoconfig' | 'ispdb' | 'srv' | 'mx' | 'names';
}

/** Services of SRV records (RFC 6186, RFC 8314). */
export const services = ['_imaps', '_imap', '_submissions', '_submission', '_pop3s', '_pop3'] as const;
export type Service = (typeof services)[number];

export interface Target {
  /** Empty where the domain says that there is no such service. */
  host: string;
  port: number;
}

/** What was asked about one domain. */
export interface DomainFacts {
  /** The one that is to be asked first is the first. */
  exchangers: string[];
  /** Of the names that servers usually have, those that exist. */
  hosts: string[];
  /** Of each service its first target; none where the domain says nothing of it. */
  targets: Partial<Record<Service, Target>>;
  autoconfig?: Autoconfig;
  /** The file that Thunderbird's database has of it. */
  listed?: Autoconfig;
  /** The file that it has of who takes its mail; asked for only where nothing else is known. */
  exchangerListed?: Autoconfig;
}

export const usualNames = ['imap', 'smtp', 'mail'] as const;

/** What is known without asking anybody; a Fault where the provider lets no mail program in. */
export function guessByProvider(domain: string): Guess | Fault | undefined {
  const provider = providerOfDomain(domain);
  return provider && guessOf(provider, 'provider');
}

/** The best first; none where the servers have to be typed. A Fault stands where nothing behind it is of use. */
export function guessesByFacts(domain: string, facts: DomainFacts): (Guess | Fault)[] {
  const guesses = [
    byFile(facts.autoconfig, 'autoconfig'),
    byFile(facts.listed, 'ispdb'),
    byServices(domain, facts),
    byExchangers(facts),
    hasNoImap(facts) ? undefined : byFile(facts.exchangerListed, 'ispdb'),
    isPop3Only(facts) ? faultOf('POP3_ONLY') : undefined,
    hasNoImap(facts) ? undefined : byNames(domain, facts),
  ];
  return guesses.filter((guess) => guess !== undefined);
}

/** From our own table: these need no further look. */
export const isKnown = ({ source }: Guess): boolean => source === 'provider' || source === 'mx';

function guessOf({ name, servers, hint, signIn }: Provider, source: Guess['source']): Guess | Fault {
  if (!servers) return new Fault('invalid', 'NO_IMAP', hint);
  return { ...servers, username: '', provider: name, hint, signIn, source };
}

const maxExchangerDomains = 3;

/** By which the database may know the host that takes the mail of this domain, longest first: mx.eu.host.example, eu.host.example and host.example. */
export function domainsOfExchanger(domain: string, { exchangers }: DomainFacts): string[] {
  const labels = (exchangers[0] ?? '').toLowerCase().replace(/\.$/, '').split('.');
  const names = labels.map((_, at) => labels.slice(at).join('.'));
  return names.filter((one) => one.includes('.') && one !== domain).slice(-maxExchangerDomains);
}

function byFile(file: Autoconfig | undefined, source: 'autoconfig' | 'ispdb'): Guess | undefined {
  if (!file?.imap || !file.smtp) return undefined;
  const { imap, smtp, username, signIn } = file;
  return asItsProvider({ imap, smtp, username, signIn, provider: '', hint: '', source });
}

function byServices(domain: string, { targets }: DomainFacts): Guess | undefined {
  const imap = serverOf(targets._imaps, 'tls') ?? serverOf(targets._imap, 'starttls');
  const smtp = serverOf(targets._submissions, 'tls') ?? serverOf(targets._submission, 'starttls');
  if (!imap || !smtp) return undefined;
  // The name service is not signed: a person looks at a name that is not of their own domain (RFC 6186 §6).
  const foreign = [imap, smtp].map(({ host }) => host).find((host) => host !== domain && !host.endsWith(`.${domain}`));
  const hint = foreign ? `${domain} says that its mail is at ${foreign}. Go on only if you know that name.` : '';
  return asItsProvider({ imap, smtp, username: '', signIn: 'password', provider: '', hint, source: 'srv' });
}

function byExchangers({ exchangers }: DomainFacts): Guess | Fault | undefined {
  const provider = providerOfExchangers(exchangers);
  return provider && guessOf(provider, 'mx');
}

function byNames(domain: string, { hosts }: DomainFacts): Guess | undefined {
  const first = (...names: string[]) => names.map((name) => `${name}.${domain}`).find((host) => hosts.includes(host));
  const [imap, smtp] = [first('imap', 'mail'), first('smtp', 'mail')];
  if (!imap || !smtp) return undefined;
  return {
    imap: { host: imap, port: 993, security: 'tls' },
    smtp: { host: smtp, port: 465, security: 'tls' },
    ...{ username: '', provider: '', hint: '', signIn: 'password', source: 'names' },
  };
}

/** Whoever's servers they are says how one signs in there. */
function asItsProvider(guess: Guess): Guess {
  const provider = providerOfHost(guess.imap.host);
  return provider ? { ...guess, provider: provider.name, hint: provider.hint, signIn: provider.signIn } : guess;
}

function serverOf(target: Target | undefined, security: KnownServer['security']): KnownServer | undefined {
  return target?.host ? { ...target, security } : undefined;
}

function isPop3Only({ targets, autoconfig, listed }: DomainFacts): boolean {
  const file = autoconfig ?? listed;
  if (file) return file.pop3Only;
  return Boolean(targets._pop3s?.host || targets._pop3?.host) && !targets._imaps?.host && !targets._imap?.host;
}

/** "." as the target says so (RFC 2782). */
function hasNoImap({ targets: { _imaps: tls, _imap: starttls } }: DomainFacts): boolean {
  return tls?.host === '' || starttls?.host === '' ? !tls?.host && !starttls?.host : false;
}
