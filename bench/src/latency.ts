// Delivery to timeline: replies at two a second, less the delay of a bare IDLE client on the same server for each of them.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { people, startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses } from '@rejoinder/testing/eight-processes';
import { replyTo } from '@rejoinder/testing/mail';
import { freePort } from '@rejoinder/testing/ports';
import { ready, startProgram } from '@rejoinder/testing/processes';
import { Rest } from '@rejoinder/testing/rest';
import { pause, settle } from '@rejoinder/testing/settle';
import { hearTimeline } from './events.js';
import { startIdleClient } from './idle-client.js';
import { percentile, type BenchResult } from './report.js';

const everyMs = 500;
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
  const port = await freePort();
  const program = startProgram({
    name: 'rejoinder all',
    command: process.execPath,
    args: [cli, 'all', '--data', data, '--port', String(port)],
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
  return { rest: eight.rest, stop: () => eight.stop() };
}

async function measure(replies: number, start: (town: Town) => Promise<System>): Promise<Record<string, number>> {
  const town = await startTown();
  const system = await start(town);
  try {
    return await measureOn(replies, town, system.rest);
  } finally {
    await system.stop();
    await town.stop();
  }
}

async function measureOn(replies: number, town: Town, rest: Rest): Promise<Record<string, number>> {
  const inbox = await rest.connect(town.login);
  await settle('the inbox to be live', async () => (await rest.inbox(inbox.inbox_id)).progress?.state === 'live');
  const contact = await rest.putContact(people.contact);
  const send = await rest.send({
    inbox_id: inbox.inbox_id,
    to: [{ address: people.contact }],
    subject: 'Bench',
    text: 'Please answer often.',
  });
  const { raw } = await settle('the mail to arrive', async () => town.dovecot.accepted.find((mail) => mail.raw.includes(send.message_id)));
  const events = await hearTimeline(rest.base, rest.apiKey);
  const bare = await startIdleClient({ port: town.dovecot.imapsPort, ca: town.dovecot.ca.pem, user: people.sales, password: 'secret' });
  const deliveredAt: number[] = [];
  const subject = (n: number) => `Re: Bench ${n}`;
  for (let n = 1, due = performance.now(); n <= replies; n++, due += everyMs) {
    await pause(Math.max(0, due - performance.now()));
    const reply = await replyTo(raw, { from: people.contact, subject: subject(n), text: `Answer number ${n}.` });
    await town.dovecot.deliver(people.sales, reply);
    deliveredAt[n] = performance.now();
  }
  await settle('every reply on the timeline', async () => events.loggedAt.size >= replies, { timeoutMs: 60_000 });
  const mailIds = new Map((await rest.timeline(contact.contact_id)).map((one) => [one.subject, one.mail_id]));
  await bare.stop();
  events.stop();
  const numbers = Array.from({ length: replies }, (_, n) => n + 1);
  const ours = numbers.map((n) => events.loggedAt.get(mailIds.get(subject(n))!)! - deliveredAt[n]!);
  const idle = numbers.map((n) => bare.heardAt.get(n)! - deliveredAt[n]!);
  const added = numbers.map((_, n) => ours[n]! - idle[n]!);
  return {
    p50_ms: percentile(ours, 0.5),
    p99_ms: percentile(ours, 0.99),
    p50_bare_ms: percentile(idle, 0.5),
    p99_bare_ms: percentile(idle, 0.99),
    p50_added_ms: percentile(added, 0.5),
    p99_added_ms: percentile(added, 0.99),
  };
}
