// Finds ports of 127.0.0.1 that nobody listens on.
import { createServer, type Server } from 'node:net';
import { randomInt } from 'node:crypto';

// Below the range from which the kernel takes the near end of outgoing connections, so that a server that is down for a moment finds its port still free.
const LOWEST = 10_240;
const HIGHEST = 32_000;
const ATTEMPTS = 200;

/**
 * A port is free until its server listens, seconds later: test files that run beside each other choose from ranges of their own, and none chooses one again.
 * Within its range by chance: another run of tests may be on this machine.
 */
const RANGES = 16;
const width = Math.floor((HIGHEST - LOWEST) / RANGES);
const lowest = LOWEST + (Number(process.env.VITEST_POOL_ID ?? 0) % RANGES) * width;
const chosen = new Set<number>();

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

export async function freePorts(count: number): Promise<number[]> {
  const held: { port: number; server: Server }[] = [];
  try {
    for (let attempt = 0; held.length < count; attempt++) {
      if (attempt >= ATTEMPTS + count) throw new Error(`found only ${held.length} of ${count} free ports on 127.0.0.1`);
      const port = randomInt(lowest, lowest + width);
      const server = chosen.has(port) ? undefined : await hold(port);
      if (server) held.push({ port, server });
    }
    const ports = held.map(({ port }) => port);
    for (const port of ports) chosen.add(port);
    return ports;
  } finally {
    await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  }
}

function hold(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
