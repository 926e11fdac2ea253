// Decides to which address of a mail server one may connect: resolved once and every address checked, so that no name can point inside.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { within } from '@rejoinder/base/wait';
import { faultOf } from '@rejoinder/contracts/catalogue';
import type { MailNetwork, Network } from './mail-settings.js';

export interface MailServer {
  host: string;
  port: number;
  security: 'tls' | 'starttls';
}

export interface CheckedServer extends MailServer {
  /** What to connect to, instead of the name. */
  address: string;
  /** Whose certificate it must be; undefined where the host is an address itself. */
  servername?: string;
}

/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<string[]>;

const lookupTimeoutMs = 5_000;
const pop3Ports: readonly number[] = [110, 995];
const hostName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*\.?$/;

/** Throws the Fault that a person is shown: HOST_BLOCKED, HOST_NOT_FOUND, PORT_BLOCKED, POP3_REFUSED. */
export async function checkServer(server: MailServer, network: MailNetwork, resolve: Resolve = resolveHost): Promise<CheckedServer> {
  checkPort(server.port, network);
  const host = plainHost(server.host);
  const addresses = isIP(host) ? [host] : await resolve(host);
  if (addresses.length === 0) throw faultOf('HOST_NOT_FOUND');
  if (!addresses.every((address) => mayConnect(address, network.networks))) throw faultOf('HOST_BLOCKED');
  // IPv4 first: a cluster without IPv6 would else not reach a host that has both.
  const address = addresses.find((one) => isIP(one) === 4) ?? addresses[0]!;
  return { ...server, host, address, servername: isIP(host) ? undefined : host };
}

function checkPort(port: number, { ports }: MailNetwork): void {
  if (ports.has(port)) return;
  throw faultOf(pop3Ports.includes(port) ? 'POP3_REFUSED' : 'PORT_BLOCKED');
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
  const plain = ipaddr.process(address);
  if (plain.range() === 'unicast') return true;
  return allowed.some((network) => network[0].kind() === plain.kind() && plain.match(network));
}

async function resolveHost(host: string): Promise<string[]> {
  try {
    const found = await within(lookupTimeoutMs, 'looking up a mail server', lookup(host, { all: true, order: 'verbatim' }));
    return found.map(({ address }) => address);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'TIMEOUT') throw error;
    throw faultOf('HOST_NOT_FOUND');
  }
}
