// A receiver of webhooks for tests: a real HTTPS server that keeps what it was told, and answers as it is told to.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestCa } from './certificates.js';

export interface ToldEvent {
  /** webhook-id. */
  id: string;
  path: string;
  headers: Record<string, string>;
  body: string;
  /** What the body says. */
  event: { type: string; timestamp: string; data: Record<string, unknown> };
  /** By performance.now(). */
  at: number;
}

export interface Receiver extends AsyncDisposable {
  readonly port: number;
  /** https://127.0.0.1:port/hook */
  readonly url: string;
  /** In the order they came. */
  readonly told: ToldEvent[];
  /** Answers each; 204 by default. May be changed at any time. */
  answer: (told: ToldEvent, response: ServerResponse) => unknown;
  stop(): Promise<void>;
}

export interface ReceiverOptions {
  port?: number;
  address?: string;
  /** For whom its certificate is. */
  names?: string[];
}

export async function startReceiver(ca: TestCa, { port = 0, address = '127.0.0.1', names }: ReceiverOptions = {}): Promise<Receiver> {
  const told: ToldEvent[] = [];
  const server = createServer(await ca.issue(names), (request, response) => void take(request, response));
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const headers = request.headers as Record<string, string>;
    const one = {
      ...{ id: headers['webhook-id']!, path: request.url!, headers, body },
      ...{ event: JSON.parse(body) as ToldEvent['event'], at: performance.now() },
    };
    told.push(one);
    await receiver.answer(one, response);
  };
  await once(server.listen(port, address), 'listening');
  const { port: own } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const receiver: Receiver = {
    ...{ port: own, url: `https://${address}:${own}/hook`, told, stop, [Symbol.asyncDispose]: stop },
    answer: (_, response) => response.writeHead(204).end(),
  };
  return receiver;
}
