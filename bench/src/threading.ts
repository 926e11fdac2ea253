// A million mails of one tenant through the threading service, Kafka and PostgreSQL: as fast at the end as at the beginning? Beside Dovecot's THREAD over the first of them.
import { connect } from 'node:tls';
import pg from 'pg';
import { newId } from '@rejoinder/base/id';
import { KafkaLog } from '@rejoinder/bus/kafka-log';
import { startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses, type EightProcesses } from '@rejoinder/testing/eight-processes';
import { growOld } from '@rejoinder/testing/old-house';
import { settle } from '@rejoinder/testing/settle';
import { fillWith } from './big-folder.js';
import { memoryMb } from './memory.js';
import { eventsOf, inboxes, observedMails, type ObservedMails } from './observed-mails.js';
import type { BenchResult } from './report.js';

const user = 'threads@crm.test';
const step = 100_000;
const firstMs = Date.UTC(2024, 0, 1);
const withinMs = 600_000;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function threading(count: number, say: (line: string) => void): Promise<BenchResult> {
  if (count % step !== 0) throw new Error(`--mails is to be a multiple of ${step}`);
  say(`making ${count} mails`);
  const all = observedMails(count);
  const dovecot = await dovecotThread(all, say);
  const eight = await startEightProcesses({});
  try {
    await growOld(eight.databaseUrl);
    const { seconds, memory } = await place(eight, all, say);
    const rate = (took: number) => step / took;
    return {
      name: 'threading',
      figures: {
        mails: count,
        threads: all.threads,
        first_per_s: rate(seconds[0]!),
        last_per_s: rate(seconds.at(-1)!),
        total_s: seconds.reduce((sum, one) => sum + one, 0),
        memory_first_mb: memory[0]!,
        memory_last_mb: memory.at(-1)!,
        memory_peak_mb: memoryMb(eight.program('threading').pid, 'VmHWM'),
        dovecot_per_s: dovecot,
      },
      ratios: { last_over_first: rate(seconds.at(-1)!) / rate(seconds[0]!), ours_over_dovecot: rate(seconds[0]!) / dovecot },
    };
  } finally {
    await eight.stop();
  }
}

/** From the first event of each step until threading has handled the last one: seconds, and the memory that it then holds. */
async function place(eight: EightProcesses, { mails, threads }: ObservedMails, say: (line: string) => void) {
  const log = new KafkaLog({ brokers: eight.kafka.brokers, clientId: 'bench', logger: quiet });
  const database = new pg.Client({ connectionString: eight.databaseUrl });
  await database.connect();
  const found = async (what: string) =>
    Number((await database.query<{ n: string }>(`select count(${what}) as n from threading.node`)).rows[0]!.n);
  const [tenantId, inboxIds] = [newId(), inboxes()];
  const [seconds, memory]: [number[], number[]] = [[], []];
  for (let at = 0; at < mails.length; at += step) {
    const part = mails.slice(at, at + step).map(({ observed }) => observed);
    const events = eventsOf(tenantId, part, inboxIds);
    const began = performance.now();
    await log.publish(events);
    // Rows are counted once nothing is on its way: counting them again and again would be part of what is measured.
    const isPlaced = async () => (await eight.kafka.lag('rejoinder.threading')) === 0 && (await found('*')) === at + step;
    await settle('all of them to be placed', isPlaced, { timeoutMs: withinMs });
    seconds.push((performance.now() - began) / 1_000);
    memory.push(memoryMb(eight.program('threading').pid, 'VmRSS'));
    say(`${at + step}: ${Math.round(step / seconds.at(-1)!)} mails a second, ${Math.round(memory.at(-1)!)} MB`);
  }
  const foundThreads = await found('distinct thread_id');
  await Promise.all([database.end(), log.close()]);
  if (foundThreads !== threads) throw new Error(`threading has ${foundThreads} threads, not ${threads}`);
  return { seconds, memory };
}

/** Mails a second of THREAD=REFS (draft-ietf-morg-inthread) over a folder that has just been filled with the first of them. */
async function dovecotThread({ mails }: ObservedMails, say: (line: string) => void): Promise<number> {
  const first = mails.slice(0, step);
  say(`Dovecot's THREAD of ${first.length}`);
  const town = await startTown();
  try {
    await town.dovecot.addUser(user, town.login.password);
    await fillWith(town.dovecot, user, rawMails(first));
    const began = performance.now();
    await threadAll(town);
    return first.length / ((performance.now() - began) / 1_000);
  } finally {
    await town.stop();
  }
}

function* rawMails(mails: ObservedMails['mails']) {
  const bracketed = (id: string) => `<${id}@bench.test>`;
  for (const [n, { id, references }] of mails.entries()) {
    const cited = references.map(bracketed);
    const answers = cited.length > 0 ? [`In-Reply-To: ${cited.at(-1)}`, `References: ${cited.join('\r\n ')}`] : [];
    const fields = [`Message-ID: ${bracketed(id)}`, ...answers, 'From: a@bench.test', `To: ${user}`, `Subject: Mail ${n}`];
    yield { raw: `${fields.join('\r\n')}\r\n\r\nText.\r\n`, atMs: firstMs + n * 1_000 };
  }
}

async function threadAll({ dovecot, login }: Town): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port: dovecot.imapsPort, ca: dovecot.ca.pem, servername: 'localhost' });
  socket.write(`a LOGIN ${user} ${login.password}\r\nb EXAMINE INBOX\r\nc UID THREAD REFS UTF-8 ALL\r\n`);
  let tail = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    tail = (tail + chunk.toString('latin1')).slice(-300);
    if (/^c OK /m.test(tail)) return void socket.destroy();
    if (/^c (NO|BAD) /m.test(tail)) break;
  }
  socket.destroy();
  throw new Error(`Dovecot did not thread: ${tail}`);
}
