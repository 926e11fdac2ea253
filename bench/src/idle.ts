// Inboxes that are only held: the memory of each in one sync process beside a bare TLS socket each, and how much later than a bare client it hears of mail.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { startHeldInboxes, type HeldInboxes } from '@rejoinder/testing/held-inboxes';
import { buildMail } from '@rejoinder/testing/mail';
import { nodeFlags } from '@rejoinder/testing/node-flags';
import { startProgram, type Program } from '@rejoinder/testing/processes';
import { pause, settle } from '@rejoinder/testing/settle';
import { startIdleClient, type IdleClient } from './idle-client.js';
import { mailbox, twin } from './idle-mailboxes.js';
import { percentile, type BenchResult } from './report.js';

const password = 'secret';
const bytesPerKb = 1_024;
/** After so long at rest a program holds what it goes on holding: every folder was looked at twice, and IDLE renewed. */
const restMs = 70_000;
const connectsAtOnce = 8;
const withinMs = 900_000;
/** Mails are told of in so many mailboxes in turn, so that each has been quiet for a while: Dovecot has a beat of 500 ms for one that is not. */
const twinCount = 40;
const everyMs = 250;
const jitterMs = (n: number) => ((n * 0.618) % 1) * (everyMs / 2);
const bare = fileURLToPath(new URL('bare-idle.js', import.meta.url));
const measured = ['--expose-gc', ...nodeFlags, '--import', new URL('tell-memory.js', import.meta.url).href];

interface Memory {
  rss: number;
  heapUsed: number;
  external: number;
}

export async function idle(inboxes: number, mails: number, say: (line: string) => void): Promise<BenchResult> {
  // inotify's instances are limited by user: with one user for all, Dovecot would look for new mail by the clock.
  const dovecot = await startDovecot({ ownUsers: true, extra: 'mailbox_idle_check_interval = 1 secs' });
  try {
    for (let n = 0; n < inboxes; n++) await dovecot.addUser(mailbox(n), password);
    say(`${inboxes} bare sockets in IDLE`);
    const socket = await ofSockets(dovecot, inboxes);
    say(`${inboxes} inboxes, connected one by one`);
    const held = await startHeldInboxes(dovecot, measured);
    try {
      const { growth, ids } = await ofInboxes(held, inboxes, say);
      say(`${mails} mails, each to one of the inboxes and to a bare client`);
      const delays = await delaysOf(dovecot, held, ids, mails);
      return {
        name: 'idle',
        figures: {
          inboxes,
          kb_per_inbox: growth.rss,
          heap_kb_per_inbox: growth.heapUsed,
          kb_per_socket: socket.rss,
          heap_kb_per_socket: socket.heapUsed,
          mails,
          ...delays,
        },
        ratios: {
          inbox_over_socket: growth.rss / socket.rss,
          p50_added_ms: delays.p50_saved_ms - delays.p50_bare_ms,
          p99_added_ms: delays.p99_saved_ms - delays.p99_bare_ms,
          p99_added_heard_ms: delays.p99_heard_ms - delays.p99_bare_ms,
        },
      };
    } finally {
      await held.stop();
    }
  } finally {
    await dovecot.stop();
  }
}

/** What one of so many costs, in KB. */
const each = (before: Memory, after: Memory, count: number): Memory => {
  const kb = (name: keyof Memory) => (after[name] - before[name]) / count / bytesPerKb;
  return { rss: kb('rss'), heapUsed: kb('heapUsed'), external: kb('external') };
};

async function memoryOf(program: Program): Promise<Memory> {
  const said = () => [...program.output().matchAll(/^memory (.*)$/gm)];
  const before = said().length;
  program.signal('SIGUSR2');
  const [, json] = await settle('the program to say what it holds', () => said()[before]);
  return JSON.parse(json!) as Memory;
}

async function ofSockets(dovecot: Dovecot, count: number): Promise<Memory> {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-bench-'));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, dovecot.ca.pem);
  const args = [...measured, bare, caFile, String(dovecot.imapsPort), password, String(count)];
  const program = startProgram({ name: 'bare sockets', command: process.execPath, args });
  try {
    await settle('the empty program', () => program.output().includes('empty'));
    const before = await memoryOf(program);
    program.signal('SIGUSR1');
    await settle('all sockets to idle', () => program.output().includes(`${count} idle`), { timeoutMs: withinMs });
    await pause(restMs);
    return each(before, await memoryOf(program), count);
  } finally {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The first inbox is part of the empty process: what it loads and compiles is no cost of one more. */
async function ofInboxes(held: HeldInboxes, count: number, say: (line: string) => void): Promise<{ growth: Memory; ids: string[] }> {
  const ids = [await held.connect(mailbox(0), password)];
  const live = (wanted: number) =>
    settle(`${wanted} inboxes to be live`, async () => (await held.inState('live')) === wanted, { timeoutMs: withinMs });
  await live(1);
  await pause(restMs);
  const before = await memoryOf(held.sync);
  for (let n = 1; n < count; n += connectsAtOnce) {
    const some = Array.from({ length: Math.min(connectsAtOnce, count - n) }, (_, more) => held.connect(mailbox(n + more), password));
    ids.push(...(await Promise.all(some)));
  }
  await live(count);
  say('all are live; now they rest');
  await pause(restMs);
  return { growth: each(before, await memoryOf(held.sync), count - 1), ids };
}

/**
 * Until a bare client hears of a mail; until sync has fetched its header fields and committed them with their event; and until a consumer of that event, in
 * another process, hears of it over the local log.
 */
async function delaysOf(dovecot: Dovecot, held: HeldInboxes, ids: string[], mails: number) {
  const heard = new Map<string, number>();
  await held.hear((inboxId, atMs) => heard.set(inboxId, heard.get(inboxId) ?? atMs));
  const clients: IdleClient[] = [];
  for (let n = 0; n < twinCount; n++) {
    await dovecot.addUser(twin(n), password);
    clients.push(await startIdleClient({ port: dovecot.imapsPort, ca: dovecot.ca.pem, user: twin(n), password }));
  }
  await pause(everyMs * twinCount);
  const raw = await buildMail({ from: 'bob@outside.test', to: 'all@crm.test' });
  const delivered: { ours: number; bare: number }[] = [];
  const begun = performance.now();
  // Each inbox gets one mail, so that its first event is that mail's.
  const count = Math.min(mails, ids.length);
  for (let n = 0; n < count; n++) {
    await pause(Math.max(0, begun + n * everyMs + jitterMs(n) - performance.now()));
    const at = { ours: 0, bare: 0 };
    const toOurs = async () => {
      await dovecot.deliver(mailbox(n), raw);
      at.ours = performance.now();
    };
    if (n % 2 === 0) await toOurs();
    await dovecot.deliver(twin(n % twinCount), raw);
    at.bare = performance.now();
    if (n % 2 === 1) await toOurs();
    delivered.push(at);
  }
  const ofTwin = (n: number) => clients[n % twinCount]!.heardAt.get(Math.floor(n / twinCount) + 1);
  await settle('all mails to be told of', () => delivered.every((_, n) => heard.has(ids[n]!) && ofTwin(n) !== undefined), {
    timeoutMs: 120_000,
  });
  const saved = await held.savedAt();
  const untilSaved = delivered.map((at, n) => saved.get(ids[n]!)! - performance.timeOrigin - at.ours);
  const untilHeard = delivered.map((at, n) => heard.get(ids[n]!)! - at.ours);
  const theirs = delivered.map((at, n) => ofTwin(n)! - at.bare);
  for (const client of clients) await client.stop();
  return {
    p50_saved_ms: percentile(untilSaved, 0.5),
    p99_saved_ms: percentile(untilSaved, 0.99),
    p50_heard_ms: percentile(untilHeard, 0.5),
    p99_heard_ms: percentile(untilHeard, 0.99),
    p50_bare_ms: percentile(theirs, 0.5),
    p99_bare_ms: percentile(theirs, 0.99),
  };
}
