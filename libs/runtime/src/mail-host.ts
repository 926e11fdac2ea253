// Decides to which address and port of a mail server one may connect.
import { faultOf } from '@rejoinder/contracts/catalogue';
import { checkHost, type CheckedHost, type Resolve } from './host.js';
import type { MailNetwork } from './mail-settings.js';

export interface MailServer {
  host: string;
  port: number;
  security: 'tls' | 'starttls';
}

export type CheckedServer = MailServer & CheckedHost;

const pop3Ports: readonly number[] = [110, 995];

/** Throws the Fault that a person is shown: HOST_BLOCKED, HOST_NOT_FOUND, PORT_BLOCKED, POP3_REFUSED. */
export async function checkServer(server: MailServer, network: MailNetwork, resolve?: Resolve): Promise<CheckedServer> {
  checkPort(server.port, network);
  return { ...server, ...(await checkHost(server.host, network.networks, resolve)) };
}

function checkPort(port: number, { ports }: MailNetwork): void {
  if (ports.has(port)) return;
  throw faultOf(pop3Ports.includes(port) ? 'POP3_REFUSED' : 'PORT_BLOCKED');
}
