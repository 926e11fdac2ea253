// Which names this server answers to and which pages may ask it: what keeps other pages the user has open away from 127.0.0.1.

interface AskedBy {
  origin?: string;
  'sec-fetch-site'?: string | string[];
}

const loopback = ['127.0.0.1', 'localhost', '[::1]'];
const safeMethods = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Every Host header that is ours: where it listens, the other names of loopback if it listens there, and those of the settings, each with the
 * port unless it names one. A page that makes its own name point here (DNS rebinding) comes with its own name.
 */
export function hostsOf(listen: string, more: string): Set<string> {
  const { host, port } = splitListen(listen);
  const names = loopback.includes(host) ? loopback : [host];
  const given = more.split(',').map((one) => one.trim().toLowerCase());
  const all = [...names.map((name) => `${name}:${port}`), ...given.flatMap((one) => (hasPort(one) ? [one] : [one, `${one}:${port}`]))];
  return new Set(all.filter((one) => one !== '' && !one.startsWith(':')));
}

/** Whether it answers to this Host header. */
export function ourHost(host: string | undefined, hosts: ReadonlySet<string>): boolean {
  return host !== undefined && hosts.has(host.toLowerCase());
}

/**
 * Whether a request that came with our cookie was made by another page: another origin, one that is not told although something is to be
 * changed, or one that the browser itself calls foreign. Another port of 127.0.0.1 is the same site, which SameSite lets through.
 */
export function foreignPage(method: string, { origin, 'sec-fetch-site': site }: AskedBy, hosts: ReadonlySet<string>): boolean {
  if (origin !== undefined && !ourOrigin(origin, hosts)) return true;
  if (origin === undefined && !safeMethods.includes(method)) return true;
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

function ourOrigin(origin: string, hosts: ReadonlySet<string>): boolean {
  const host = /^https?:\/\/(.+)$/.exec(origin.toLowerCase())?.[1];
  return host !== undefined && hosts.has(host);
}

/** host:port as it is written in the setting; an IPv6 address stands in brackets. */
export function splitListen(listen: string): { host: string; port: number } {
  const [, host = '127.0.0.1', port = '0'] = /^(.*):(\d{1,5})$/.exec(listen) ?? [];
  return { host: host.toLowerCase(), port: Number(port) };
}

const hasPort = (host: string) => /:\d+$/.test(host);
