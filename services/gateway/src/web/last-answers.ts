// Ends the web server in order: connections close after their next answer, requests under way are answered, and no client is cut while it waits.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { delay } from '@rejoinder/base/wait';
import type { Drain } from '@rejoinder/runtime/drain';

/** A connection is idle once its answer is out; those that become so are looked for this often. */
const lookMs = 20;
/** The first bytes of a request may be on their way. */
const silentMs = 500;

/** Before any route is there. */
export function answerLast(server: FastifyInstance, drain: Drain): void {
  const underWay = new Set<FastifyRequest>();
  const silent = silentOnes(server.server);
  server.addHook('onRequest', async (request, reply) => {
    underWay.add(request);
    reply.raw.once('close', () => underWay.delete(request));
    // RFC 9112 9.6: the client sends nothing more here, and goes to another pod with what is next.
    if (drain.unready.aborted) void reply.header('connection', 'close');
  });
  drain.add(async (deadline) => {
    const closed = closing(server.server);
    while (!deadline.aborted && !closed.aborted) {
      server.server.closeIdleConnections();
      for (const socket of silent()) socket.destroy();
      await delay(lookMs, AbortSignal.any([deadline, closed]));
    }
    const cut = [...underWay].map(({ method, routeOptions }) => `${method} ${routeOptions.url ?? 'of no route'}`);
    server.server.closeAllConnections();
    return cut;
  });
}

/** Connections over which nothing came, such as browsers open beforehand: Node does not call them idle. */
function silentOnes(server: Server): () => Socket[] {
  const openedAt = new Map<Socket, number>();
  server.on('connection', (socket: Socket) => {
    openedAt.set(socket, performance.now());
    socket.once('close', () => openedAt.delete(socket));
  });
  const isSilent = ([{ bytesRead }, at]: [Socket, number]) => bytesRead === 0 && performance.now() - at > silentMs;
  return () => [...openedAt].filter(isSilent).map(([socket]) => socket);
}

/** Takes no more connections; fires once the last is closed. */
function closing(server: Server): AbortSignal {
  const closed = new AbortController();
  server.close(() => closed.abort());
  return closed.signal;
}
