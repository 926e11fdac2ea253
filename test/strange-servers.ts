// Servers that no mailbox can be connected to, each for a reason of its own.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createTestCa, type TestCa } from '@rejoinder/testing/certificates';
import { freePorts } from '@rejoinder/testing/ports';

export interface StrangeServers {
  /** Where they will be, known before they are there; nothing is ever at `closed`. */
  ports: { silent: number; untrusted: number; pop3: number; closed: number };
  /** The POP3 server has a certificate of this authority. */
  start(trusted: TestCa): Promise<void>;
  stop(): void;
}

export async function strangeServers(): Promise<StrangeServers> {
  const [silent, untrusted, pop3, closed] = (await freePorts(4)) as [number, number, number, number];
  const servers: Server[] = [];
  const listen = async (server: Server, port: number) => {
    servers.push(server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  return {
    ports: { silent, untrusted, pop3, closed },
    start: async (trusted) => {
      await listen(createServer(), silent);
      await listen(createTlsServer({ ...(await (await createTestCa('Nobody')).issue()) }), untrusted);
      const greets = createTlsServer({ ...(await trusted.issue()) }, (socket) => {
        socket.on('error', () => undefined).write('+OK POP3 server ready\r\n');
      });
      await listen(greets, pop3);
    },
    stop: () => servers.forEach((server) => server.close()),
  };
}
