// The small helpers of the test town do what tests lean on.
import { createServer } from 'node:net';
import { existsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { createServer as createTlsServer } from 'node:tls';
import { expect, test, vi } from 'vitest';
import { createTestCa } from './certificates.js';
import { cached, removeFolder, temporaryFolder } from './folders.js';
import { freePorts } from './ports.js';
import { answersOn, ready, run, startProgram } from './processes.js';
import { randomFrom } from './seed.js';
import { settle } from './settle.js';
import { portOf, startTcpProxy } from './tcp-proxy.js';

test('settle gives what it waited for, and says what it saw last when it waited in vain', async () => {
  let looks = 0;
  expect(await settle('a third look', () => ++looks === 3 && 'seen')).toBe('seen');
  await expect(settle('a mail', () => (looks > 0 ? undefined : 1), { timeoutMs: 30 })).rejects.toThrow(
    'waited 30 ms for a mail; last seen: undefined',
  );
  const broken = () => Promise.reject(new Error('no route'));
  await expect(settle('a host', broken, { timeoutMs: 30 })).rejects.toThrow(/for a host; last seen: it threw Error: no route/);
  await expect(settle('an answer', () => new Promise<never>(() => {}), { timeoutMs: 30 })).rejects.toThrow(
    /for an answer; the last look, begun \d+ ms before, did not come back/,
  );
});

test('the same seed gives the same chance', () => {
  const [one, other] = [randomFrom(7), randomFrom(7)];
  expect(one.bytes(20)).toEqual(other.bytes(20));
  expect(one.shuffle([1, 2, 3, 4, 5])).toEqual(other.shuffle([1, 2, 3, 4, 5]));
  expect(Array.from({ length: 500 }, () => one.int(2, 4)).every((number) => number >= 2 && number <= 4)).toBe(true);
});

test('free ports are different ones: at once, one after the other, and beside another worker', async () => {
  const ports = [...(await freePorts(200)), ...(await freePorts(200))];
  vi.stubEnv('VITEST_POOL_ID', String(Number(process.env.VITEST_POOL_ID) + 1));
  vi.resetModules();
  ports.push(...(await (await import('./ports.js')).freePorts(200)));
  expect(new Set(ports).size).toBe(600);
});

test('a program that ends or never answers is told with what it said', async () => {
  const ends = startProgram({ name: 'Talker', command: '/bin/sh', args: ['-c', 'echo no config >&2; exit 3'] });
  await expect(ready(ends, () => answersOn(1), { hint: 'Do this.' })).rejects.toThrow(
    /Talker ended while starting\. Do this\.[^]*no config[^]*code 3/,
  );
  const mute = startProgram({ name: 'Mute', command: '/bin/sh', args: ['-c', 'trap "" TERM; echo hum; while :; do sleep 1; done'] });
  await expect(ready(mute, () => answersOn(1), { timeoutMs: 200 })).rejects.toThrow(/Mute did not answer within 200 ms[^]*hum/);
  expect(mute.running()).toBe(false);
  const missing = startProgram({ name: 'Missing', command: '/no/such/program', args: [] });
  await expect(ready(missing, () => answersOn(1))).rejects.toThrow(/ENOENT/);
  await expect(run('False', 'false', [])).rejects.toThrow('False: false gave code 1');
});

test('when the test process is killed, its servers and their folders go too', async () => {
  const folder = await temporaryFolder('guarded');
  const script = `
    const { startProgram } = await import(${JSON.stringify(new URL('./processes.ts', import.meta.url).href)});
    const program = startProgram({ name: 'Sleeper', command: 'sleep', args: ['1000'], folders: [${JSON.stringify(folder)}] });
    console.log(program.pid);
    setInterval(() => {}, 1000);`;
  const hooks = `data:text/javascript,${encodeURIComponent(`import { registerHooks } from 'node:module'; registerHooks({ resolve: (name, context, next) => next(name.replace(/^(\\..*)\\.js$/, '$1.ts'), context) });`)}`;
  const child = spawn(process.execPath, ['--import', hooks, '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  child.kill('SIGKILL');
  await settle('the end of the orphan', () => !isAlive(Number(line)));
  await settle('the removal of its folder', () => !existsSync(folder));
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('what is cached is made once, even when two ask at the same time or the first attempt fails', async () => {
  const folder = await temporaryFolder('cache');
  const path = join(folder, 'thing-1.0');
  let fills = 0;
  const fill = async (draft: string) => {
    fills++;
    await writeFile(draft, 'whole');
  };
  await expect(cached(path, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
  await writeFile(`${path}.lock`, '999999999');
  await Promise.all([cached(path, fill), cached(path, fill), cached(path, fill)]);
  expect([fills, await readFile(path, 'utf8')]).toEqual([1, 'whole']);
  await removeFolder(folder);
});

test('certificates are trusted through their authority and no other', async () => {
  const ca = await createTestCa();
  const server = createTlsServer(await ca.issue(), (socket) => socket.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const visit = (pem: string) => once(connect({ host: 'localhost', port: portOf(server), ca: pem }), 'secureConnect');
  await visit(ca.pem);
  await expect(visit((await createTestCa()).pem)).rejects.toThrow(/certificate|issuer/);
  server.close();
});

test('the proxy delays, limits, cuts, refuses and heals', async () => {
  const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  await using proxy = await startTcpProxy({ port: portOf(echo) });
  const { connect: dial } = await import('node:net');
  const ask = async (text: string): Promise<string> => {
    const socket = dial({ port: proxy.port, host: '127.0.0.1' });
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk)).end(text);
    await once(socket, 'close').catch((error: { code: string }) => (answer += ` ${error.code}`));
    return answer;
  };
  expect(await ask('hello')).toBe('hello');
  proxy.delay(30);
  const start = performance.now();
  expect(await ask('slow')).toBe('slow');
  expect(performance.now() - start).toBeGreaterThan(55);
  proxy.delay(0);
  proxy.limitBytes(3);
  expect(await ask('hello')).toBe('hel ECONNRESET');
  proxy.refuse();
  expect(await ask('hello')).toMatch(/ECONNRESET|EPIPE/);
  proxy.heal();
  proxy.pause();
  const held = ask('held');
  await settle('the connection', () => proxy.connections() === 1);
  proxy.cut();
  expect(await held).toMatch(/ECONNRESET/);
  proxy.heal();
  expect(await ask('again')).toBe('again');
  echo.close();
});
