// What a Service of a cluster is to its callers, in small: one address for several pods, of which each new connection gets one that is ready.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { portOf } from './tcp-proxy.js';
import { pause } from './settle.js';

/** As a kubelet asks a readiness probe, only faster. */
const probeEveryMs = 100;
const probeTimeoutMs = 2_000;

export interface Pod {
  port: number;
  /** Where it tells its health over HTTP. */
  healthPort: number;
}

export interface Balancer extends AsyncDisposable {
  readonly port: number;
  add(pod: Pod): void;
  /** Pods that get connections now. */
  ready(): Pod[];
  stop(): Promise<void>;
}

/** A pod that is not ready any more gets no new connection, and keeps those it has. */
export async function startBalancer(): Promise<Balancer> {
  const pods: { pod: Pod; isReady: boolean }[] = [];
  const sockets = new Set<Socket>();
  const ready = () => pods.filter(({ isReady }) => isReady).map(({ pod }) => pod);
  const stopped = new AbortController();
  let turn = 0;
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const choice = ready();
    const pod = choice[turn++ % choice.length];
    if (!pod) return void near.resetAndDestroy();
    const far = connect({ port: pod.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one.on('error', () => other.resetAndDestroy()).on('close', () => sockets.delete(one)));
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const probing: Promise<void>[] = [];
  const probe = async (one: (typeof pods)[number]) => {
    while (!stopped.signal.aborted) {
      one.isReady = (await isReady(one.pod)) ?? one.isReady;
      await pause(probeEveryMs);
    }
  };
  const add = (pod: Pod) => {
    const one = { pod, isReady: false };
    pods.push(one);
    probing.push(probe(one));
  };
  const stop = async () => {
    stopped.abort();
    await Promise.all(probing);
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: portOf(server), add, ready, stop, [Symbol.asyncDispose]: stop };
}

/** Undefined if it says nothing in time, as on a machine that has no time. */
async function isReady({ healthPort }: Pod): Promise<boolean | undefined> {
  const asked = fetch(`http://127.0.0.1:${healthPort}/health/ready`, { signal: AbortSignal.timeout(probeTimeoutMs) });
  return asked.then(
    async (answer) => (await answer.text(), answer.ok),
    (error: Error) => (error.name === 'TimeoutError' ? undefined : false),
  );
}
