// Decides to which address of a host outside one may connect: resolved once and every address checked, so that no name can point inside.
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { delay, within } from '@rejoinder/base/wait';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { isIn, type Network } from './outside.js';

export interface CheckedHost {
  /** In lower case and ASCII. */
  host: string;
  /** What to connect to, instead of the name. */
  address: string;
  /** Whose certificate it must be; undefined where the host is an address itself. */
  servername?: string;
}

/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<string[]>;

const lookupTimeoutMs = 5_000;
const maxAddresses = 20;
/** What a name service is given to answer. */
export const askMs = 3_000;
const hostName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*\.?$/;

/** Throws the Fault that a person is shown: HOST_BLOCKED, HOST_NOT_FOUND. */
export async function checkHost(text: string, networks: readonly Network[], resolve: Resolve = resolveHost): Promise<CheckedHost> {
  const host = plainHost(text);
  const addresses = isIP(host) ? [host] : await resolve(host);
  if (addresses.length === 0) throw faultOf('HOST_NOT_FOUND');
  if (!addresses.every((address) => mayConnect(address, networks))) throw faultOf('HOST_BLOCKED');
  // IPv4 first: a cluster without IPv6 would else not reach a host that has both.
  const address = addresses.find((one) => isIP(one) === 4) ?? addresses[0]!;
  return { host, address, servername: isIP(host) ? undefined : host };
}

/** The host in lower case and ASCII, without the brackets of an IPv6 address. */
function plainHost(text: string): string {
  const bare = text.trim().replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare)) return bare;
  // domainToASCII reads its text as a URL would and cuts at what ends a host there.
  const ascii = /[\s/?#@:\\%]/.test(bare) ? '' : domainToASCII(bare).toLowerCase();
  if (!hostName.test(ascii)) throw faultOf('HOST_NOT_FOUND');
  return ascii.replace(/\.$/, '');
}

/** Public unicast, or in a network that the operator allows. An IPv4 address in IPv6 clothes is judged as what it is. */
export function mayConnect(address: string, allowed: readonly Network[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'unicast' || isIn(address, allowed);
}

async function resolveHost(host: string): Promise<string[]> {
  try {
    const found = await within(lookupTimeoutMs, 'looking up a host', lookup(host, { all: true, order: 'verbatim' }));
    return found.map(({ address }) => address);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'TIMEOUT') throw error;
    throw faultOf('HOST_NOT_FOUND');
  }
}

/** Asks these name servers, joined by commas, or those of this machine. */
export function openResolver(nameServers: string | undefined): Resolver {
  const resolver = new Resolver({ timeout: askMs, tries: 1 });
  if (nameServers) resolver.setServers(nameServers.split(','));
  return resolver;
}

/**
 * All addresses of a host by the name service alone, none where it is not there or does not answer in time. Unlike a look-up by the system it holds none
 * of the few threads that all look-ups of a process share.
 */
export async function askAddresses(host: string, nameServers: string | undefined): Promise<string[]> {
  const resolver = openResolver(nameServers);
  const found: string[] = [];
  const add = (addresses: string[]) => void found.push(...addresses.slice(0, maxAddresses));
  // Every refusal of a name service means the same here: nothing is known.
  const answers = [resolver.resolve4(host), resolver.resolve6(host)].map((answer) => answer.then(add, () => undefined));
  await Promise.race([Promise.all(answers), delay(askMs)]);
  resolver.cancel();
  return [...found];
}
