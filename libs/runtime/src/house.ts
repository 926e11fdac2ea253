// What the roles of one process share: pools, wake-ups, keys, the event log, a logger and a clock.
import type { Provider } from '@nestjs/common';
import type pg from 'pg';
import { systemClock, type Clock } from '@rejoinder/base/clock';
import type { EventLog } from '@rejoinder/bus/event-log';
import { KafkaLog } from '@rejoinder/bus/kafka-log';
import { LocalLog } from '@rejoinder/bus/local-log';
import { fileKey, type KeyEncryption } from '@rejoinder/vault/kek';
import { readSettings, type Environment } from './config.js';
import { houseSettings, type HouseSettings } from './house-settings.js';
import { kafkaSecurity } from './kafka-settings.js';
import { createLogger, type Logger } from './logging.js';
import { PartitionKeeper, type KeptDays } from './partitions.js';
import { openPool } from './pool.js';
import { requireDatabase } from './reachable.js';
import type { ServiceName } from './services.js';
import { Wake } from './wake.js';

export interface House {
  settings: HouseSettings;
  pool: pg.Pool;
  keyringPool: pg.Pool;
  wake: Wake;
  eventLog: EventLog;
  keyEncryption: KeyEncryption;
  logger: Logger;
  clock: Clock;
  keptDays: KeptDays;
  providers: Provider[];
  grpcListen(service: ServiceName): string;
  peerAddress(service: ServiceName): string;
  close(): Promise<void>;
}

export interface HouseOptions {
  logger?: Logger;
  clock?: Clock;
  /** All roles in this process: they meet on Unix sockets in this folder instead of the network. */
  socketFolder?: string;
  /** More for Nest to hand out, such as the demo. */
  providers?: Provider[];
}

const keyringConnections = 2;

/** Opens everything shared; refuses with every wrong setting named, and where a database cannot be reached. */
export async function openHouse(env: Environment, options: HouseOptions = {}): Promise<House> {
  const settings = readSettings(houseSettings, env);
  const logger = options.logger ?? createLogger(settings.logLevel);
  const clock = options.clock ?? systemClock(settings.clockSkewMs);
  const [databaseUrl, keyringUrl] = [settings.databaseUrl.reveal(), settings.keyringUrl.reveal()];
  await requireDatabase('REJOINDER_DATABASE_URL', databaseUrl, 'bus');
  await requireDatabase('REJOINDER_KEYRING_URL', keyringUrl, 'keyring');
  const pool = openPool(databaseUrl, settings.databaseConnections, logger);
  const keyringPool = openPool(keyringUrl, keyringConnections, logger);
  const keptDays = { R1: settings.bodyDays, R2: settings.metadataDays, wire: settings.wireDays };
  const wake = new Wake(pool, databaseUrl, (message, error) => logger.warn({ error }, message));
  wake.start();
  const letGo = async () => {
    await wake.close();
    await Promise.all([pool.end(), keyringPool.end()]);
  };
  const opening = Promise.all([openLog(settings, pool, databaseUrl, clock, keptDays, logger), fileKey(settings.keyFile)]);
  // Who waits for the log to come up opens the house again.
  const [{ eventLog, keeper }, keyEncryption] = await opening.catch(async (error: unknown) => {
    await letGo();
    throw error;
  });
  const socket = (service: ServiceName) => `unix:${options.socketFolder}/${service}.sock`;
  return {
    settings,
    pool,
    keyringPool,
    wake,
    eventLog,
    keyEncryption,
    logger,
    clock,
    keptDays,
    providers: options.providers ?? [],
    grpcListen: (service) => (options.socketFolder ? socket(service) : settings.grpcListen),
    peerAddress: (service) => (options.socketFolder ? socket(service) : settings[`${service}Grpc`]),
    close: async () => {
      await eventLog.close();
      await keeper?.stop();
      await letGo();
    },
  };
}

async function openLog(
  settings: HouseSettings,
  pool: pg.Pool,
  url: string,
  clock: Clock,
  days: KeptDays,
  logger: Logger,
): Promise<{ eventLog: EventLog; keeper?: PartitionKeeper }> {
  if (settings.bus === 'kafka')
    return {
      eventLog: new KafkaLog({
        brokers: settings.kafkaBrokers.split(','),
        ...kafkaSecurity(settings),
        clientId: 'rejoinder',
        release: settings.release,
        instance: settings.instance,
        logger,
      }),
    };
  const keeper = new PartitionKeeper('bus', pool, clock, days, logger);
  await keeper.start();
  return { eventLog: new LocalLog({ pool, listenUrl: url, clock, logger, holdsOutboxes: true }), keeper };
}
