// Serves the built console: its files, its one page under every path of its own, or a page that says how to build it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const page = 'index.html';
/** What is built with a hash in its name. */
const hashed = '/assets/';
const yearMs = 31_536_000_000;

const unbuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Rejoinder</title>
<body style="font-family:system-ui;max-width:40rem;margin:4rem auto"><h1>The console is not built yet</h1>
<p>Rejoinder runs, and its API answers under <code>/v1</code>. To see the console, run <code>npm run build</code> in the folder of Rejoinder and
reload this page.</p></body></html>`;

export async function serveConsole(server: FastifyInstance, given: string | undefined): Promise<void> {
  const root = given ?? fileURLToPath(new URL('../../../console/dist', import.meta.url));
  // Looked for at each request, so that a console that is built later is found without a restart.
  await server.register(fastifyStatic, { root, serve: false, cacheControl: false });
  server.get('/*', (request, reply) => answer(root, request, reply));
}

function answer(root: string, request: FastifyRequest, reply: FastifyReply): FastifyReply | void {
  const path = request.url.split('?')[0]!;
  if (/^\/(v1|health)(\/|$)/.test(path)) return reply.callNotFound();
  // Said with the file alone: that one is not there yet must not be kept for a year.
  if (path.startsWith(hashed))
    return reply.header('cache-control', 'no-cache').sendFile(path, { cacheControl: true, maxAge: yearMs, immutable: true });
  void reply.header('cache-control', 'no-cache');
  if (/\.[a-z0-9]+$/i.test(path) && path !== `/${page}`) return reply.sendFile(path);
  if (!existsSync(join(root, page))) return reply.code(503).type('text/html; charset=utf-8').send(unbuilt);
  return reply.sendFile(page);
}
