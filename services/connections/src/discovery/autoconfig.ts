// Reads a domain's own autoconfig file (Mozilla's clientConfig 1.1): the first encrypted IMAP and SMTP server, and how one signs in there.
import { XMLParser } from 'fast-xml-parser';
import type { KnownServer, SignIn } from './providers.js';

export interface Autoconfig {
  imap?: KnownServer;
  smtp?: KnownServer;
  /** Empty where it is the address. */
  username: string;
  signIn: SignIn;
  /** It lists servers to receive by, and all of them speak POP3. */
  pop3Only: boolean;
}

const maxServers = 20;
const maxUsername = 320;
const hostForm = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const listed = ['incomingServer', 'outgoingServer', 'authentication'];
// No entity is resolved and no text taken for a number: what is read are names, ports and words.
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  processEntities: false,
  isArray: (name) => listed.includes(name),
});

/** Undefined where it is no such file. */
export function readAutoconfig(xml: string, address: string): Autoconfig | undefined {
  const provider = emailProvider(xml);
  if (!provider) return undefined;
  const fill = filler(address);
  const incoming = serversOf(provider.incomingServer);
  const received = incoming.filter((one) => text(one['@type']) === 'imap').find((one) => toServer(one, fill));
  const sent = serversOf(provider.outgoingServer).find((one) => text(one['@type']) === 'smtp' && toServer(one, fill));
  const username = received ? fill(text(received.username)) : '';
  return {
    imap: received && toServer(received, fill),
    smtp: sent && toServer(sent, fill),
    username: username === address || username.length > maxUsername ? '' : username,
    signIn: signInOf(words(received?.authentication)),
    pop3Only: incoming.length > 0 && incoming.every((one) => text(one['@type']) === 'pop3'),
  };
}

/** Where nothing is said, a password is the rule. */
const signInOf = (ways: string[]): SignIn =>
  ways.length > 0 && ways.every((way) => way.toLowerCase() === 'oauth2') ? 'oauth' : 'password';

type Tag = Record<string, unknown>;

function emailProvider(xml: string): Tag | undefined {
  // A document type brings entities with it, and no such file needs one.
  if (/<!DOCTYPE/i.test(xml)) return undefined;
  try {
    const { clientConfig } = parser.parse(xml) as { clientConfig?: { emailProvider?: Tag | Tag[] } };
    const provider = clientConfig?.emailProvider;
    const first = Array.isArray(provider) ? provider[0] : provider;
    return typeof first === 'object' ? first : undefined;
  } catch {
    return undefined;
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value.trim() : '');
const words = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : []);

function serversOf(value: unknown): Tag[] {
  return (Array.isArray(value) ? value : []).slice(0, maxServers).filter((one): one is Tag => typeof one === 'object' && one !== null);
}

const securities: Record<string, KnownServer['security']> = { SSL: 'tls', STARTTLS: 'starttls' };

/** Undefined where it is not encrypted, or is no server at all. */
function toServer(tag: Tag, fill: (text: string) => string): KnownServer | undefined {
  const host = fill(text(tag.hostname)).toLowerCase();
  const port = Number(text(tag.port));
  const security = securities[text(tag.socketType).toUpperCase()];
  if (!security || !hostForm.test(host) || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  return { host, port, security };
}

function filler(address: string): (text: string) => string {
  const at = address.lastIndexOf('@');
  const values: Record<string, string> = {
    '%EMAILADDRESS%': address,
    '%EMAILLOCALPART%': address.slice(0, at),
    '%EMAILDOMAIN%': address.slice(at + 1),
  };
  return (value) => value.replace(/%EMAIL(ADDRESS|LOCALPART|DOMAIN)%/g, (name) => values[name]!);
}
