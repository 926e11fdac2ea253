// A process that is killed: it consumes or relays as told in its argument, says each step on its output, and hangs where it is to die.
import { delay } from '@rejoinder/base/wait';
import { systemClock } from '@rejoinder/base/clock';
import type { EventLog } from '@rejoinder/bus/event-log';
import { KafkaLog } from '@rejoinder/bus/kafka-log';
import { LocalLog } from '@rejoinder/bus/local-log';
import { Relay } from '@rejoinder/bus/relay';
import { openPool, PlainTransactions } from './service-database.js';

/** How a victim reaches the log. */
export type Reach =
  | {
      kind: 'kafka';
      brokers: string[];
      sessionTimeoutMs: number;
      heartbeatMs: number;
      concurrency: number;
      rebalanceTimeoutMs?: number;
      instance?: string;
    }
  | { kind: 'local'; url: string; memberMs: number; lookMs: number; concurrency: number };

export interface Orders {
  databaseUrl: string;
  reach: Reach;
  /** Consume: has its effect, then never commits. Follow: says what it handles, and takes its time. Relay: publishes, then never marks. */
  task: { kind: 'consume' | 'follow'; group: string; topic: string; tenantId: string } | { kind: 'relay'; service: string };
}

const quiet = () => undefined;
export const quietLogger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const say = (word: string) => process.stdout.write(`${word}\n`);
const forever = () => new Promise<never>(() => undefined);

export function openLog(reach: Reach): EventLog {
  if (reach.kind === 'kafka') return new KafkaLog({ ...reach, clientId: 'rejoinder-test', logger: quietLogger });
  return new LocalLog({ ...reach, pool: openPool(reach.url), listenUrl: reach.url, clock: systemClock(), logger: quietLogger });
}

async function consume(log: EventLog, databaseUrl: string, group: string, topic: string, tenantId: string): Promise<void> {
  const pool = openPool(databaseUrl);
  await log.consume({
    group,
    topics: [topic],
    handle: async (batch) => {
      const ours = batch.filter((event) => event.tenantId === tenantId);
      if (ours.length === 0) return;
      for (const event of ours)
        await pool.query('insert into public.effect (event_id, by) values ($1, $2) on conflict do nothing', [event.id, 'victim']);
      say('effect');
      await forever();
    },
  });
}

async function follow(log: EventLog, group: string, topic: string, tenantId: string): Promise<void> {
  await log.consume({
    group,
    topics: [topic],
    onOffsetLost: () => say('lost'),
    handle: async (batch) => {
      for (const { sequence } of batch.filter((event) => event.tenantId === tenantId)) {
        say(`begins ${sequence}`);
        await delay(1_000);
        say(`handled ${sequence}`);
      }
    },
  });
}

function relay(log: EventLog, databaseUrl: string, service: string): void {
  const publishThenHang: Pick<EventLog, 'publish'> = {
    publish: async (events) => {
      await log.publish(events);
      say('published');
      await forever();
    },
  };
  new Relay({
    service,
    database: new PlainTransactions(openPool(databaseUrl), service),
    log: publishThenHang,
    logger: quietLogger,
  }).start();
}

const [, script, argument] = process.argv;
if (script?.endsWith('victim.ts') && argument) {
  const { databaseUrl, reach, task } = JSON.parse(argument) as Orders;
  const log = openLog(reach);
  say('started');
  if (task.kind === 'relay') relay(log, databaseUrl, task.service);
  else if (task.kind === 'consume') await consume(log, databaseUrl, task.group, task.topic, task.tenantId);
  else await follow(log, task.group, task.topic, task.tenantId);
}
