// Delivery to timeline: replies at two a second, less the delay of a bare IDLE client on the same server for each of them.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { people, startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses } from '@rejoinder/testing/eight-processes';
import { replyTo } from '@rejoinder/testing/mail';
import { nodeFlags } from '@rejoinder/testing/node-flags';
import { growOld } from '@rejoinder/testing/old-house';
import { freePort } from '@rejoinder/testing/ports';
import { ready, startProgram } from '@rejoinder/testing/processes';
import { Rest } from '@rejoinder/testing/rest';
import { pause, settle } from '@rejoinder/testing/settle';
import { hearTimeline } from './events.js';
import { startIdleClient, type IdleClient } from './idle-client.js';
import { percentile, type BenchResult } from './report.js';

const everyMs = 500;
/** Until mailboxes have come to rest, and at the end until what is under way has arrived. */
const quietMs = 3_000;
/** Replies before those that count: a program that has just started is not what is measured. */
const warmUp = 12;
/**
 * Replies go to these in turn, so that each has been quiet for a while: Dovecot speaks 500 ms after the first change that it has not told of, and its
 * own bookkeeping is a change too. In a mailbox that is never quiet each client has its own beat of 500 ms, and chance decides who hears of a mail in
 * this one and who in the next. The bare client sits in a twin that is given the same mail: of two sessions that look at one Maildir at the same
 * moment only one gets its lock, and the other hears of the mail with the next beat.
 */
const boxCount = 6;
/** Even spread, the same in every run: no beat of anybody's can fall in with the bench's own. */
const jitterMs = (n: number) => ((n * 0.618) % 1) * (everyMs / 2);
const mailbox = (n: number) => `sales${n}@crm.test`;
const twin = (n: number) => `bare${n}@crm.test`;
const cli = fileURLToPath(new URL('../../services/rejoinder/bin/rejoinder.js', import.meta.url));

interface System {
  rest: Rest;
  stop(): Promise<void>;
}

/** Measures one process with the local log and eight over Kafka, one after the other, each against the bare client of its own run. */
export async function latency(replies: number, say: (line: string) => void): Promise<BenchResult> {
  say(`one process, local log: ${replies} replies`);
  const one = await measure(replies, startOne);
  say(`eight processes, Kafka: ${replies} replies`);
  const kafka = await measure(replies, startEight);
  const name = (prefix: string, figures: Record<string, number>) =>
    Object.fromEntries(Object.entries(figures).map(([key, value]) => [`${prefix}_${key}`, value]));
  return {
    name: 'latency',
    figures: { replies, ...name('one', one), ...name('kafka', kafka) },
    ratios: { p99_added_ms: one.p99_added_ms!, p99_added_ms_kafka: kafka.p99_added_ms! },
  };
}

async function startOne(town: Town): Promise<System> {
  const data = mkdtempSync(join(tmpdir(), 'rejoinder-bench-'));
  // As root, the embedded PostgreSQL runs as another user, who has to pass this folder.
  chmodSync(data, 0o711);
  const port = await freePort();
  const program = startProgram({
    name: 'rejoinder all',
    command: process.execPath,
    // As `npm start` does: pauses for collecting garbage of 5 ms instead of 25, and 80 MB less.
    args: [...nodeFlags, cli, 'all', '--data', data, '--port', String(port)],
    env: town.env,
  });
  await ready(program, async () => {
    if (!(await fetch(`http://127.0.0.1:${port}/health/ready`)).ok) throw new Error('not ready');
  });
  const rest = new Rest(`http://127.0.0.1:${port}`, readFileSync(join(data, 'api-key'), 'utf8'));
  return {
    rest,
    stop: async () => {
      await program.stop('SIGTERM', 30_000);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function startEight(town: Town): Promise<System> {
  const eight = await startEightProcesses(town.env);
  await growOld(eight.databaseUrl);
  return { rest: eight.rest, stop: () => eight.stop() };
}

async function measure(replies: number, start: (town: Town) => Promise<System>): Promise<Record<string, number>> {
  const town = await startTown();
  town.env.REJOINDER_MAIL_ALLOWED_PORTS += `,${town.dovecot.imapsPort}`;
  const system = await start(town);
  try {
    return await measureOn(replies, town, system.rest);
  } finally {
    await system.stop();
    await town.stop();
  }
}

/** A connected mailbox with a mail sent from it, and its twin with a bare client. */
interface Box {
  address: string;
  twin: string;
  sent: Buffer;
  bare: IdleClient;
}

async function openBox(n: number, town: Town, rest: Rest): Promise<Box> {
  const address = mailbox(n);
  const { password } = town.login;
  for (const user of [address, twin(n)]) await town.dovecot.addUser(user, password);
  // Past the wire that records, as the bare client.
  const imap = { host: 'localhost', port: town.dovecot.imapsPort, security: 'tls' };
  const inbox = await rest.connect({ ...town.login, address, imap });
  await settle('the inbox to be live', async () => (await rest.inbox(inbox.inbox_id)).progress?.state === 'live');
  const to = [{ address: people.contact }];
  const send = await rest.send({ inbox_id: inbox.inbox_id, to, subject: 'Bench', text: 'Please answer often.' });
  const { raw } = await settle('the mail to arrive', async () => town.dovecot.accepted.find((mail) => mail.raw.includes(send.message_id)));
  const bare = await startIdleClient({ port: town.dovecot.imapsPort, ca: town.dovecot.ca.pem, user: twin(n), password });
  return { address, twin: twin(n), sent: raw, bare };
}

async function measureOn(replies: number, town: Town, rest: Rest): Promise<Record<string, number>> {
  const contact = await rest.putContact(people.contact);
  const boxes: Box[] = [];
  for (let n = 1; n <= boxCount; n++) boxes.push(await openBox(n, town, rest));
  await pause(quietMs);
  const events = await hearTimeline(rest.base, rest.apiKey);
  const all = Array.from({ length: warmUp + replies }, (_, n) => n);
  const deliveredAt: number[] = [];
  const bareDeliveredAt: number[] = [];
  const subject = (n: number) => `Re: Bench ${n}`;
  const boxOf = (n: number) => boxes[n % boxes.length]!;
  const heardAt = (n: number) => boxOf(n).bare.heardAt.get(Math.floor(n / boxes.length) + 1);
  const begun = performance.now();
  for (const n of all) {
    await pause(Math.max(0, begun + n * everyMs + jitterMs(n) - performance.now()));
    const reply = await replyTo(boxOf(n).sent, { from: people.contact, subject: subject(n), text: `Answer number ${n}.` });
    await town.dovecot.deliver(boxOf(n).twin, reply);
    bareDeliveredAt[n] = performance.now();
    await town.dovecot.deliver(boxOf(n).address, reply);
    deliveredAt[n] = performance.now();
  }
  await pause(quietMs);
  const mailIds = await settle(
    'every reply on the timeline, and heard of by both',
    async () => {
      const ids = new Map((await rest.timeline(contact.contact_id)).map((one) => [one.subject, one.mail_id]));
      return all.every((n) => events.loggedAt.has(ids.get(subject(n)) ?? '') && heardAt(n)) && ids;
    },
    { timeoutMs: 60_000 },
  );
  events.stop();
  for (const { bare } of boxes) await bare.stop();
  const numbers = all.slice(warmUp);
  const ours = numbers.map((n) => events.loggedAt.get(mailIds.get(subject(n))!)! - deliveredAt[n]!);
  const idle = numbers.map((n) => heardAt(n)! - bareDeliveredAt[n]!);
  const added = ours.map((ms, index) => ms - idle[index]!);
  return {
    p50_ms: percentile(ours, 0.5),
    p99_ms: percentile(ours, 0.99),
    p50_bare_ms: percentile(idle, 0.5),
    p99_bare_ms: percentile(idle, 0.99),
    p50_added_ms: percentile(added, 0.5),
    p99_added_ms: percentile(added, 0.99),
  };
}
