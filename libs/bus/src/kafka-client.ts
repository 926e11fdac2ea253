// Makes kafkajs clients: one way to connect, and logs that go to our logger with what may be said.
import { Kafka, logLevel, type KafkaConfig, type LogEntry, type SASLOptions } from 'kafkajs';
import type { ConnectionOptions } from 'node:tls';
import './kafka-request-queue.js';
import type { BusLogger } from './logger.js';

export interface KafkaConnection {
  brokers: string[];
  clientId: string;
  ssl?: ConnectionOptions | boolean;
  sasl?: SASLOptions;
  logger: BusLogger;
}

const connectionTimeoutMs = 3_000;
const requestTimeoutMs = 10_000;

/** Fields of kafkajs' log entries that are ours or the broker's, never an event's. */
const told = [
  'groupId',
  'memberId',
  'generationId',
  'topic',
  'partition',
  'broker',
  'retryCount',
  'retryTime',
  'error',
  'clientId',
  'duration',
];

/**
 * One client for each consumer and producer: kafkajs keeps the committed offsets of a group in the client, and two members of one group in one
 * client would share them. onLog sees each entry before it is written.
 */
export function kafkaClient(
  connection: KafkaConnection,
  change: Partial<KafkaConfig> = {},
  onLog: (entry: LogEntry) => void = () => undefined,
): Kafka {
  const { logger, ...how } = connection;
  return new Kafka({
    ...how,
    connectionTimeout: connectionTimeoutMs,
    authenticationTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => {
      onLog(entry);
      write(logger, entry);
    },
    ...change,
  });
}

/** kafkajs calls a broker that is away an error many times a second, without saying what follows from it: our own words and health do. */
function write(logger: BusLogger, { namespace, log }: LogEntry): void {
  const fields = Object.fromEntries(
    told.filter((name) => log[name] !== undefined).map((name) => [name === 'error' ? 'reason' : name, log[name] as unknown]),
  );
  logger.debug(fields, `kafkajs ${namespace}: ${log.message}`.slice(0, 300));
}
