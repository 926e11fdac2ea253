// Speaks HTTPS with a host outside: at the address that was checked, under the certificate of its name, and following nothing.
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { checkHost, type Resolve } from './host.js';
import type { Outside } from './outside.js';

/** A URL whose host was checked. Connections are kept for the next request until the agent is destroyed. */
export interface Place {
  url: URL;
  address: string;
  servername?: string;
  agent: Agent;
}

export interface Asking {
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: string;
  signal: AbortSignal;
}

const connectMs = 5_000;
const maxHeaderBytes = 16_384;

/** Throws HOST_BLOCKED, HOST_NOT_FOUND or PORT_BLOCKED. */
export async function openPlace(url: URL, outside: Outside, resolve: Resolve): Promise<Place> {
  if (!outside.ports.has(portOf(url))) throw faultOf('PORT_BLOCKED');
  const { address, servername } = await checkHost(url.hostname, outside.networks, resolve);
  return { url, address, servername, agent: new Agent({ keepAlive: true, secureContext: outside.secureContext }) };
}

export const portOf = ({ port }: URL): number => Number(port || '443');

/** Answers once the head of the answer is there; its body is to be read within a bound, or destroyed. */
export function ask({ url, address, servername, agent }: Place, { method, headers, body, signal }: Asking): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asking = request({
      ...{ method, host: address, port: portOf(url), path: `${url.pathname}${url.search}`, servername: servername ?? '' },
      ...{ headers: { ...headers, host: url.host }, agent, signal, maxHeaderSize: maxHeaderBytes, rejectUnauthorized: true },
    });
    const late = () => asking.destroy(Object.assign(new Error('no connection in time'), { code: 'CONNECT_TIMEOUT' }));
    const timer = setTimeout(late, connectMs);
    const connected = () => clearTimeout(timer);
    asking.on('socket', (socket) => (socket.connecting ? socket.once('secureConnect', connected) : connected()));
    asking.on('close', connected).on('error', reject).on('response', resolve).end(body);
  });
}
