// The two drivers as the conformance suite sees them: real servers, ways to open a log, and ways to hurt it.
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { topics, type TopicName } from '@rejoinder/contracts/topics';
import { startKafka } from '@rejoinder/testing/kafka';
import { startPostgres } from '@rejoinder/testing/postgres';
import { startProgram, type Program } from '@rejoinder/testing/processes';
import type { EventLog } from '@rejoinder/bus/event-log';
import { prepareDatabase } from './service-database.js';
import { openLog, type Orders, type Reach } from './victim.js';

export interface Driver {
  /** The database of the services, for outboxes and dead letters. */
  readonly databaseUrl: string;
  /** A log as another process would open it. */
  open(): EventLog;
  /** Time after which a member that says nothing loses its partitions. */
  readonly memberMs: number;
  /** The log's server goes away at once and comes back. */
  restart(): Promise<void>;
  /** Everything before that offset is gone. */
  dropBefore(topic: TopicName, partition: number, offset: number): Promise<void>;
  /** A record that is no event of ours. */
  appendMalformed(topic: TopicName, partition: number, headers: Record<string, string>): Promise<void>;
  /** Starts a process that is to be killed. */
  startVictim(task: Orders['task']): Program;
  stop(): Promise<void>;
}

/** All partitions of a topic at once, so that at any moment most are in hand. */
const concurrency = 12;
const kafkaTimers = { sessionTimeoutMs: 3_000, heartbeatMs: 300, concurrency };
const localTimers = { memberMs: 3_000, lookMs: 300, concurrency };
const services = ['sync', 'threading'];

async function withEffects(url: string): Promise<void> {
  await prepareDatabase(url, services);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('create table public.effect (event_id uuid primary key, by text not null)');
  await client.end();
}

/** Starts processes that are to be killed. */
export function victimStarter(databaseUrl: string, reach: Reach): Driver['startVictim'] {
  const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const flags = [
    '--experimental-transform-types',
    '--no-warnings',
    '--conditions=@rejoinder/source',
    `--import=${file('source-hook.mjs')}`,
  ];
  return (task) => {
    const orders: Orders = { databaseUrl, reach, task };
    return startProgram({
      name: 'victim',
      command: process.execPath,
      args: [...flags, file('victim.ts'), JSON.stringify(orders)],
      env: { NODE_OPTIONS: '' },
    });
  };
}

export async function localDriver(): Promise<Driver> {
  // What was committed must outlive a crash of the server, as it does with PostgreSQL's own default.
  const postgres = await startPostgres({ settings: { synchronous_commit: 'on' } });
  const url = await postgres.createDatabase('bus_test');
  await withEffects(url);
  const reach: Reach = { kind: 'local', url, ...localTimers };
  const run = async (sql: string, values: unknown[]) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(sql, values).finally(() => client.end());
  };
  return {
    databaseUrl: url,
    memberMs: localTimers.memberMs,
    open: () => openLog(reach),
    restart: () => postgres.restart('immediate'),
    dropBefore: async (topic, partition, offset) => {
      await run('delete from bus.log where topic = $1 and partition = $2 and "offset" < $3', [topic, partition, offset]);
      await run('update bus.log_end set first_offset = $3 where topic = $1 and partition = $2', [topic, partition, offset]);
    },
    appendMalformed: (topic, partition, headers) =>
      run(
        `with moved as (update bus.log_end set next_offset = next_offset + 1 where topic = $1 and partition = $2 returning next_offset - 1 as "offset")
         insert into bus.log select $1, $2, "offset", now(), 'key', $3::jsonb, 'value' from moved`,
        [topic, partition, JSON.stringify(headers)],
      ),
    startVictim: victimStarter(url, reach),
    stop: () => postgres.stop(),
  };
}

export async function kafkaDriver(): Promise<Driver> {
  const [postgres, kafka] = await Promise.all([startPostgres(), startKafka({ settings: { 'group.min.session.timeout.ms': '1000' } })]);
  const url = await postgres.createDatabase('bus_test');
  await withEffects(url);
  const reach: Reach = { kind: 'kafka', brokers: kafka.brokers, ...kafkaTimers };
  const client = new Kafka({ brokers: kafka.brokers, clientId: 'conformance', logLevel: logLevel.NOTHING });
  return {
    databaseUrl: url,
    memberMs: kafkaTimers.sessionTimeoutMs,
    open: () => openLog(reach),
    restart: async () => {
      await kafka.kill();
      await kafka.up();
    },
    dropBefore: async (topic, partition, offset) => {
      const admin = client.admin();
      await admin.connect();
      // kafkajs deletes only from topics that this connection has already looked at.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] }).finally(() => admin.disconnect());
    },
    appendMalformed: async (topic, partition, headers) => {
      const producer = client.producer({ createPartitioner: () => () => partition });
      await producer.connect();
      await producer.send({ topic, messages: [{ key: 'key', value: 'value', partition, headers }] }).finally(() => producer.disconnect());
    },
    startVictim: victimStarter(url, reach),
    stop: async () => {
      await Promise.all([kafka.stop(), postgres.stop()]);
    },
  };
}

export const partitionsOf = (topic: TopicName) => Array.from({ length: topics[topic].partitions }, (_, partition) => partition);
