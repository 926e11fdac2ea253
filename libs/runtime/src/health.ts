// Health over HTTP: started, ready (may be asked) and live (need not be killed) mean different things, and none of them asks whether others are well.
import { createServer, type Server } from 'node:http';

/** What one role says of itself. */
export interface RoleHealth {
  role: string;
  started: boolean;
  /** From the first time that nothing keeps it from its work, until it drains. */
  ready: boolean;
  /** What keeps it from its work, each in one sentence. */
  troubles: string[];
}

export interface HealthServer {
  /** host:port that it listens on. */
  address: string;
  close(): Promise<void>;
}

/** Tells the health of a role from what is so now, and from whether it was ever well. */
export function roleHealth(role: string): (now: { started: boolean; drains: boolean; troubles: string[] }) => RoleHealth {
  let wasWell = false;
  return ({ started, drains, troubles }) => {
    wasWell ||= started && troubles.length === 0;
    return { role, started, ready: wasWell && !drains, troubles };
  };
}

/**
 * Started: 200 once every role has started. Ready: 200 while every role is. Live: 200 as long as the event loop answers. What keeps a role from its work
 * later stands in the answer, and takes it from nobody who asks it: what is away is away for the other pods as well, and who cannot read events can
 * still answer.
 */
export function answerHealth(path: string, roles: RoleHealth[]): { status: number; body: object } | undefined {
  if (path === '/health/live') return { status: 200, body: { live: true } };
  if (path === '/health/startup') return { status: roles.every((role) => role.started) ? 200 : 503, body: { roles } };
  if (path === '/health/ready') return { status: roles.every((role) => role.ready) ? 200 : 503, body: { roles } };
  return undefined;
}

/** Serves /health/startup, /health/ready and /health/live. */
export async function serveHealth(listen: string, roles: () => RoleHealth[]): Promise<HealthServer> {
  const [, host = '127.0.0.1', port = '0'] = /^(.*):(\d+)$/.exec(listen) ?? [];
  const server = createServer((request, response) => {
    const answer = answerHealth(request.url ?? '', roles()) ?? {
      status: 404,
      body: { error: 'ask /health/startup, /health/ready or /health/live' },
    };
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(Number(port), host, resolve));
  return { address: `${host}:${(server.address() as { port: number }).port}`, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
