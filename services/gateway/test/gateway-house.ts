// A gateway alone in a test house, called over real HTTP as a program or a browser would.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Provider } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { newId } from '@rejoinder/base/id';
import { openHouse } from '@rejoinder/runtime/house';
import { createLogger } from '@rejoinder/runtime/logging';
import { startRole } from '@rejoinder/runtime/role';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { role } from '../src/role.js';

export const consoleToken = 'console-token-of-the-test';
export const apiKey = 'rk_key-of-the-first-tenant';

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  /** What the body says, as JSON. */
  json: unknown;
}

export interface Gateway {
  house: TestHouse;
  port: number;
  /** 127.0.0.1:port. */
  host: string;
  tenantId: string;
  /** A tenant beside the first, and its key. */
  other: { tenantId: string; key: string };
  /** With the first tenant's key unless headers say otherwise. */
  call(method: string, path: string, options?: { body?: unknown; headers?: Record<string, string> }): Promise<Answer>;
  stop(): Promise<void>;
}

export async function startGateway(env: Record<string, string> = {}, clock?: Clock): Promise<Gateway> {
  const house = await startTestHouse({
    roles: [role],
    env: {
      REJOINDER_HTTP_LISTEN: '127.0.0.1:0',
      REJOINDER_CONSOLE_TOKEN: consoleToken,
      REJOINDER_BOOTSTRAP_API_KEY: apiKey,
      REJOINDER_HTTP_HOSTS: 'mail.example.com',
      ...env,
    },
    ...(clock ? { clock } : {}),
  });
  const host = house.roles[0]!.httpAddress!;
  const port = Number(host.split(':')[1]);
  const [tenant] = await house.query<{ tenant_id: string }>('select tenant_id from gateway.tenant');
  const other = { tenantId: newId(), key: 'rk_key-of-the-other-tenant' };
  await house.query(`insert into gateway.tenant values ($1, 'Other', now() + interval '1 hour')`, [other.tenantId]);
  const sha256 = createHash('sha256').update(other.key).digest();
  await house.query(`insert into gateway.api_key values ($1, $2, 'rk_key-', $3, 'Other', now())`, [other.tenantId, newId(), sha256]);
  const call: Gateway['call'] = (method, path, { body, headers } = {}) =>
    ask(port, method, path, body, headers ?? { authorization: `Bearer ${apiKey}` });
  return { house, port, host, tenantId: tenant!.tenant_id, other, call, stop: () => house.stop() };
}

/** One request, with exactly these headers: fetch would not let Host and Origin be chosen. */
export function ask(port: number, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const type = body === undefined || Buffer.isBuffer(body) ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers: { ...type, ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = /json/.test(response.headers['content-type'] ?? '');
        resolve({ status: response.statusCode!, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined });
      });
    });
    request.on('error', reject).end(bytes);
  });
}

/** Another process would look the same from here: its own pools, wakes, sockets and port, over the same database. */
export async function startSecondPod(
  { house }: Gateway,
  providers: Provider[] = [],
  more: Record<string, string> = {},
): Promise<{ port: number; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-pod-'));
  const env = { ...house.env, ...more };
  const own = await openHouse(env, { socketFolder: folder, logger: createLogger('error'), providers });
  const running = await startRole(role, own, env);
  const stop = async () => {
    await running.stop();
    await own.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { port: Number(running.httpAddress!.split(':')[1]), stop };
}
