// Prepares the web server: its limits, the headers of every answer, the check of the Host, uploads, the console, and problem+json.
import type { INestApplication } from '@nestjs/common';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { Drain } from '@rejoinder/runtime/drain';
import type { Logger } from '@rejoinder/runtime/logging';
import { LOGGER } from '@rejoinder/runtime/tokens';
import type { GatewaySettings } from '../config.js';
import { serveConsole } from './console.js';
import { Doors } from './doors.js';
import { ourHost, splitListen } from './hosts.js';
import { answerLast } from './last-answers.js';
import { problemOf, refusal } from './problem.js';
import { ProblemFilter, sendProblem } from './problem-filter.js';

const maxBodyBytes = 100_000;
/** Text and HTML of a mail, at most 5 MB each, as JSON. */
const maxMailBytes = 11_000_000;
const maxConnections = 4_096;
const headersTimeoutMs = 30_000;
/** An upload of the largest size over a slow line. */
const requestTimeoutMs = 900_000;
const maxFields = 10;
const maxFieldBytes = 10_000;

/** Mail is shown in sandboxed frames whose text is handed to them (srcdoc): they inherit this, so nothing of it loads from anywhere. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "frame-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const headers = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Makes the app ready and listens; answers where. */
export async function serve(app: INestApplication, settings: GatewaySettings): Promise<string> {
  const server = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const doors = app.get(Doors);
  limit(server);
  answerLast(server, app.get(Drain));
  server.addHook('onRequest', async (request, reply) => guard(request, reply, doors));
  await server.register(multipart, {
    limits: { files: 1, fields: maxFields, fieldSize: maxFieldBytes, parts: maxFields + 1, fileSize: Number.MAX_SAFE_INTEGER },
  });
  await serveConsole(server, settings.consoleFolder);
  app.useGlobalFilters(new ProblemFilter(app.get<Logger>(LOGGER)));
  const { host, port } = splitListen(settings.httpListen);
  await app.listen(port, host.replace(/^\[(.*)\]$/, '$1'));
  const address = `${host}:${(app.getHttpServer() as { address(): { port: number } }).address().port}`;
  doors.open(address);
  return address;
}

function limit(server: FastifyInstance): void {
  server.server.maxConnections = maxConnections;
  server.server.headersTimeout = headersTimeoutMs;
  server.server.requestTimeout = requestTimeoutMs;
  server.addHook('onRoute', (route: RouteOptions) => {
    route.bodyLimit = route.url === '/v1/mail' ? maxMailBytes : maxBodyBytes;
  });
}

/** Probes of a cluster call a pod by its number: health, which tells nobody's data, is told under any name. */
function guard(request: FastifyRequest, reply: FastifyReply, doors: Doors): void {
  void reply.headers(headers);
  if (request.url.startsWith('/v1/')) void reply.header('cache-control', 'private, no-store');
  if (request.url.startsWith('/health/') || ourHost(request.headers.host, doors.hosts)) return;
  sendProblem(reply, problemOf(refusal(421, 'WRONG_HOST', 'This server does not answer to that name: set REJOINDER_HTTP_HOSTS.')));
}
