// Stands between a client and a server and makes the network fail.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

export interface TcpProxyOptions {
  /** The server's port. */
  port: number;
  host?: string;
  /** The proxy's own port, where it must be known beforehand, as for Kafka's advertised listener. */
  listenPort?: number;
}

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** How many connections are open. */
  connections(): number;
  /** Bytes stop in both directions while connections stay open: a half-open connection. */
  pause(): void;
  resume(): void;
  /** Resets every open connection; new ones are let in. */
  cut(): void;
  /** Resets every open and every new connection until `allow()`. */
  refuse(): void;
  allow(): void;
  /** Holds every piece of data back for so long. */
  delay(ms: number): void;
  /** Resets a connection once it has carried so many bytes in that direction, counted from now on. */
  limitBytes(bytes: number, direction?: Direction): void;
  /** Takes back pause, refuse, delay and limitBytes. */
  heal(): void;
  stop(): Promise<void>;
}

export type Direction = 'toClient' | 'toServer';

interface Faults {
  paused: boolean;
  refusing: boolean;
  delayMs: number;
  limit?: { bytes: number; direction: Direction };
}

interface Pair {
  client: Socket;
  server: Socket;
  carried: Record<Direction, number>;
  wake(): void;
}

export async function startTcpProxy({ port, host = '127.0.0.1', listenPort = 0 }: TcpProxyOptions): Promise<TcpProxy> {
  const faults: Faults = { paused: false, refusing: false, delayMs: 0 };
  const pairs = new Set<Pair>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    if (faults.refusing) return void client.resetAndDestroy();
    joinSockets(client, connect({ port, host, noDelay: true, allowHalfOpen: true }), faults, pairs);
  });
  server.listen(listenPort, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const pair of pairs) reset(pair);
  };
  const change = (changed: Partial<Faults>) => {
    Object.assign(faults, changed);
    for (const pair of pairs) pair.wake();
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    cut();
    await closed;
  };
  return {
    port: portOf(server),
    connections: () => pairs.size,
    pause: () => change({ paused: true }),
    resume: () => change({ paused: false }),
    cut,
    refuse: () => {
      change({ refusing: true });
      cut();
    },
    allow: () => change({ refusing: false }),
    delay: (delayMs) => change({ delayMs }),
    limitBytes: (bytes, direction = 'toClient') => {
      for (const pair of pairs) pair.carried[direction] = 0;
      change({ limit: { bytes, direction } });
    },
    heal: () => change({ paused: false, refusing: false, delayMs: 0, limit: undefined }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

export function portOf(server: Server): number {
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}

function joinSockets(client: Socket, server: Socket, faults: Faults, pairs: Set<Pair>): void {
  const sleepers = new Set<() => void>();
  const wake = () => {
    for (const sleeper of sleepers) sleeper();
    sleepers.clear();
  };
  const pair: Pair = { client, server, carried: { toClient: 0, toServer: 0 }, wake };
  pairs.add(pair);
  const end = () => {
    pairs.delete(pair);
    wake();
  };
  for (const socket of [client, server]) socket.on('error', () => reset(pair)).on('close', end);
  const awake = () => new Promise<void>((resolve) => sleepers.add(resolve));
  void carry(client, server, 'toServer', pair, faults, awake);
  void carry(server, client, 'toClient', pair, faults, awake);
}

async function carry(
  from: Socket,
  to: Socket,
  direction: Direction,
  pair: Pair,
  faults: Faults,
  awake: () => Promise<void>,
): Promise<void> {
  try {
    for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (faults.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, faults.delayMs));
      while (faults.paused && !from.destroyed) await awake();
      const allowed = allowance(chunk.length, direction, pair, faults);
      if (allowed < chunk.length) {
        to.write(chunk.subarray(0, allowed), () => reset(pair));
        return;
      }
      if (!to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
    }
    to.end();
  } catch {
    reset(pair);
  }
}

function allowance(length: number, direction: Direction, pair: Pair, { limit }: Faults): number {
  if (limit?.direction !== direction) return length;
  const left = Math.max(0, limit.bytes - pair.carried[direction]);
  pair.carried[direction] += length;
  return Math.min(length, left);
}

function reset({ client, server }: Pair): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}
