// Decides to which address of a host outside one may connect: resolved once and every address checked, so that no name can point inside.
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { delay } from '@rejoinder/base/wait';
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

/** Of a mail server's name: two tries of every name service, and no more than a person waits. */
const lookupTimeoutMs = 5_000;
const tryMs = 2_000;
const hostsFile = '/etc/hosts';
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

/**
 * All addresses of a host, by the hosts file of this machine or by the name service; search domains do not count. The system's own look-up (getaddrinfo)
 * would hold one of the four threads that files and keys of the whole process wait for, as long as a stranger's name service likes.
 */
export async function resolveHost(host: string, nameServers?: string): Promise<string[]> {
  const own = addressesIn(await readFile(hostsFile, 'utf8').catch(() => ''), host);
  if (own.length > 0) return own;
  const { addresses, isLate } = await askBoth(openResolver(nameServers, { timeout: tryMs, tries: 2 }), host, lookupTimeoutMs);
  if (addresses.length === 0) throw faultOf(isLate ? 'TIMEOUT' : 'HOST_NOT_FOUND');
  return addresses;
}

/** What a hosts file (hosts(5)) has of a host. */
export function addressesIn(hosts: string, host: string): string[] {
  const lines = hosts.split('\n').map((line) => line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/));
  return lines.flatMap(([address = '', ...names]) => (names.includes(host) && isIP(address) ? [address] : []));
}

/** Asks these name servers, joined by commas, or those of this machine. */
export function openResolver(nameServers: string | undefined, patience = { timeout: askMs, tries: 1 }): Resolver {
  const resolver = new Resolver(patience);
  if (nameServers) resolver.setServers(nameServers.split(','));
  return resolver;
}

/** All addresses of a host by the name service alone, none where it is not there or does not answer in time. */
export async function askAddresses(host: string, nameServers: string | undefined): Promise<string[]> {
  return (await askBoth(openResolver(nameServers), host, askMs)).addresses;
}

/** Late where the name service did not answer in time. */
async function askBoth(resolver: Resolver, host: string, limitMs: number): Promise<{ addresses: string[]; isLate: boolean }> {
  const addresses: string[] = [];
  let isLate = false;
  const add = (found: string[]) => void addresses.push(...found.slice(0, maxAddresses));
  const none = ({ code }: NodeJS.ErrnoException) => void (isLate ||= code === 'ETIMEOUT');
  const answers = [resolver.resolve4(host), resolver.resolve6(host)].map((answer) => answer.then(add, none));
  const limit = new AbortController();
  const isOver = await Promise.race([Promise.all(answers).then(() => false), delay(limitMs, limit.signal).then(() => true)]);
  limit.abort();
  resolver.cancel();
  return { addresses: [...addresses], isLate: isLate || isOver };
}
