// What a service is to the house, and how one is run: a Nest app with gRPC and the bus at its doors, a relay, workers and partitions behind.
import type { DescService } from '@bufbuild/protobuf';
import { Module, type DynamicModule, type INestApplication, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { PrismaPg } from '@prisma/adapter-pg';
import { BusServer } from '@rejoinder/bus/bus-server';
import { DeadLetters } from '@rejoinder/bus/dead-letters';
import type { Outcome } from '@rejoinder/bus/event';
import { Outbox } from '@rejoinder/bus/outbox';
import { Relay } from '@rejoinder/bus/relay';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { dayOf } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { Vault } from '@rejoinder/vault/vault';
import { readSettings, type Environment, type Settings } from './config.js';
import { dayKeysOf } from './day-keys.js';
import { gauge } from './count.js';
import { Database, openSingles, prismaAdapter, type PrismaClientLike } from './database.js';
import { Drain } from './drain.js';
import { GrpcDoor } from './grpc-door.js';
import { FaultFilter } from './grpc-faults.js';
import { roleHealth, type RoleHealth } from './health.js';
import type { House } from './house.js';
import { nestLogger, type Logger } from './logging.js';
import { isOutage } from './outage.js';
import { requireMigrated, serviceMigrations } from './migrate.js';
import { PartitionKeeper } from './partitions.js';
import { Peers } from './peers.js';
import type { ServiceName } from './services.js';
import { CLOCK, EVENT_LOG, HOUSE_SETTINGS, LOGGER, SETTINGS } from './tokens.js';
import { ServiceWake } from './wake.js';
import { Watches } from './watches.js';
import { Workers } from './workers.js';

/** The only thing a service exports. */
export interface Role {
  name: ServiceName;
  /** What a part of a service that runs on its own is called: it shares the service's database and keys, and none of its doors. */
  part?: string;
  /** Its own settings, beside those of the house. */
  settings: Settings;
  /** Folder of its migrations: new URL('../prisma/migrations', import.meta.url). */
  migrations: URL;
  /** Its generated Prisma client over the adapter given. */
  prisma: (adapter: PrismaPg) => PrismaClientLike<SqlTransaction>;
  /** Its tables are looked into by key, day by day (DatabaseOptions). */
  findsByKey?: boolean;
  /** gRPC services it answers. */
  grpc: DescService[];
  /** Its controllers and providers. */
  module: Type;
  /** A role with an HTTP face prepares the app and says where it listens; answers the address. */
  http?: (app: INestApplication, settings: never) => Promise<string>;
}

/** What a role is called where it runs. */
export const titleOf = ({ part, name }: Pick<Role, 'part' | 'name'>): string => part ?? name;

export interface RunningRole {
  /** As it is called. */
  name: string;
  /** Where its HTTP face listens, if it has one, once it has begun. */
  httpAddress?: string;
  /** For what composes roles: tests and the command line. */
  app: INestApplication;
  health(): RoleHealth;
  /** Opens its HTTP face, if it has one, and begins its work. Once. */
  begin(): Promise<void>;
  /** Is not ready any more, and takes no more events: another process has them from now on. All else goes on as before. */
  announceEnd(): void;
  /** Asks other roles to connect anew, so that they know of another process before this one ends. */
  sendCallersOn(): void;
  /** Takes nothing more from outside and no more work; what is in hand ends within the drain time, or is cut. Other roles are still answered. */
  drain(): Promise<void>;
  /** Then answers other roles no more: they go to another process. Calls under way end within what is left of the drain time, or are cut. */
  hangUp(): Promise<void>;
  /** Both, unless it was done, and lets go of everything. */
  stop(): Promise<void>;
}

@Module({})
class RuntimeModule {}

/** What calls of other roles are given to end where the work in hand has taken the drain time. */
const leastCallMs = 2_000;

/**
 * Opens one role in this process: it answers gRPC, and begins nothing yet, so that roles that share a process can all be there before any of them asks
 * another. Refuses with every wrong setting named.
 */
export async function openRole(role: Role, house: House, env: Environment): Promise<RunningRole> {
  await requireMigrated(house.pool, serviceMigrations(role.name, role.migrations));
  const { app, bus, parts, settings } = await compose(role, house, env);
  // In a rollout the processes that it replaces were given what this one was not: they go on.
  const trouble = await parts.vault.trouble();
  if (trouble) throw new Fault('broken', 'KEK_OTHER', trouble);
  await parts.keeper.start();
  if (!role.http) await app.init();
  const grpc = role.grpc.length > 0 ? new GrpcDoor(role.grpc, house.grpcListen(role.name)) : undefined;
  if (grpc) await app.connectMicroservice<MicroserviceOptions>({ strategy: grpc }, { inheritAppConfig: true }).listen();
  return running({ role, app, parts, house, grpc }, async () => {
    const httpAddress = await role.http?.(app, settings as never);
    await bus.listen();
    parts.relay.start();
    parts.workers.start();
    parts.watches.start();
    return httpAddress;
  });
}

/** One role alone: it opens and begins. */
export async function startRole(role: Role, house: House, env: Environment): Promise<RunningRole> {
  const opened = await openRole(role, house, env);
  await opened.begin();
  return opened;
}

/** A role's handlers and its dead letters, for an operator's command: nothing listens, nothing is taken from the log. */
export interface Handlers {
  deadLetters: DeadLetters;
  /** Hands a dead letter to its handler again. */
  replay(deadLetterId: string): Promise<Outcome>;
  close(): Promise<void>;
}

export async function openHandlers(role: Role, house: House, env: Environment): Promise<Handlers> {
  const { app, parts } = await compose(role, house, env);
  // The role itself may have been away for days.
  await parts.keeper.keep();
  return { deadLetters: parts.deadLetters, replay: (id) => parts.bus.replay(id), close: () => close(app, parts) };
}

/** The parts of a role and its Nest app, in which the bus knows all handlers. */
async function compose(role: Role, house: House, env: Environment) {
  const settings = readSettings(role.settings, env);
  const logger = house.logger.child({ role: titleOf(role) });
  const parts = assemble(role, house, logger);
  const app = await NestFactory.create(
    appModule(role, parts, house, settings, logger),
    new FastifyAdapter({ forceCloseConnections: true }),
    { logger: nestLogger(logger), abortOnError: false },
  );
  app.useGlobalFilters(new FaultFilter(logger));
  const bus = app.connectMicroservice<MicroserviceOptions>({ strategy: parts.bus }, { inheritAppConfig: true });
  return { app, bus, parts, settings };
}

function assemble(role: Role, house: House, logger: Logger) {
  const client = role.prisma(prismaAdapter(house.pool, role.name));
  const singles = openSingles(house.settings.databaseUrl.reveal(), role.name, logger);
  const database = new Database<SqlTransaction>(role.name, client, house.wake, house.pool, singles, {
    holdsLog: house.settings.bus === 'local',
    findsByKey: role.findsByKey ?? false,
  });
  const vault = new Vault(role.name, house.keyringPool, house.keyEncryption, house.clock);
  const purpose = `letters:${role.name}` as const;
  const letterAt = (tenantId: string, row: string, diedAt: Date) => ({ tenantId, purpose, day: dayOf(diedAt), row });
  const deadLetters = new DeadLetters(
    database,
    house.clock,
    (tenantId, row, bytes, diedAt) => vault.seal(letterAt(tenantId, row, diedAt), bytes),
    (tenantId, row, sealed, diedAt) => vault.open(letterAt(tenantId, row, diedAt), sealed),
  );
  const bus = new BusServer({ service: role.name, log: house.eventLog, deadLetters, isOutage, logger });
  const relay = new Relay({ service: role.name, database, log: house.eventLog, logger });
  const wake = new ServiceWake(house.wake, role.name);
  const workers = new Workers({ database, clock: house.clock, logger, onWake: (table, callback) => wake.on(table, callback) });
  const keeper = new PartitionKeeper(role.name, house.pool, house.clock, house.keptDays, logger, dayKeysOf(role.name, vault));
  const peers = new Peers((service) => house.peerAddress(service));
  const watches = new Watches(logger);
  watches.add('the keyring', () => vault.trouble());
  const unwake = wake.on('outbox', () => relay.wake());
  const drain = new Drain(logger);
  drain.add((deadline) => workers.stop(deadline));
  return { database, vault, deadLetters, bus, relay, wake, workers, keeper, peers, watches, unwake, drain };
}

type Parts = ReturnType<typeof assemble>;

function appModule(role: Role, parts: Parts, house: House, settings: unknown, logger: Logger): DynamicModule {
  const providers = [
    { provide: Database, useValue: parts.database },
    { provide: Outbox, useValue: new Outbox(house.clock) },
    { provide: Vault, useValue: parts.vault },
    { provide: DeadLetters, useValue: parts.deadLetters },
    { provide: Workers, useValue: parts.workers },
    { provide: Watches, useValue: parts.watches },
    { provide: Drain, useValue: parts.drain },
    { provide: ServiceWake, useValue: parts.wake },
    { provide: Peers, useValue: parts.peers },
    { provide: SETTINGS, useValue: settings },
    { provide: HOUSE_SETTINGS, useValue: house.settings },
    { provide: CLOCK, useValue: house.clock },
    { provide: LOGGER, useValue: logger },
    { provide: EVENT_LOG, useValue: house.eventLog },
  ];
  const all = [...providers, ...house.providers];
  const runtime: DynamicModule = {
    module: RuntimeModule,
    global: true,
    providers: all,
    exports: all.map((provider) => ('provide' in provider ? provider.provide : provider)),
  };
  return { module: class RoleApp {}, imports: [runtime, role.module] };
}

interface Opened {
  role: Role;
  app: INestApplication;
  parts: Parts;
  house: House;
  grpc: GrpcDoor | undefined;
}

function running({ role, app, parts, house, grpc }: Opened, begin: () => Promise<string | undefined>): RunningRole {
  let started = false;
  let drained: Promise<void> | undefined;
  let hungUp: Promise<void> | undefined;
  let drainUntil = 0;
  const { relay, keeper, bus, workers, watches, drain } = parts;
  const troubles = () =>
    [relay.health(), keeper.health(), ...bus.health(), ...workers.health(), ...watches.health()].filter((one) => one !== undefined);
  const health = roleHealth(titleOf(role));
  const ungauge = gauge('rejoinder.role.troubles', { role: titleOf(role) }, () => troubles().length);
  const opened: RunningRole = {
    name: titleOf(role),
    app,
    begin: async () => {
      opened.httpAddress = await begin();
      started = true;
    },
    announceEnd: () => {
      drain.announce();
      // Told again, and waited for, when it ends.
      bus.close().catch(() => undefined);
    },
    sendCallersOn: () => grpc?.renew(),
    drain: () => {
      const drainMs = house.settings.drainSeconds * 1_000;
      drainUntil ||= performance.now() + drainMs;
      return (drained ??= drain.run(drainMs));
    },
    hangUp: async () => {
      await opened.drain();
      const leftMs = Math.max(leastCallMs, drainUntil - performance.now());
      await (hungUp ??= drain.end(leftMs, grpc ? [(deadline) => grpc.end(deadline)] : []));
    },
    stop: async () => {
      await opened.hangUp();
      ungauge();
      await close(app, parts);
    },
    health: () => health({ started, drains: drain.unready.aborted, troubles: troubles() }),
  };
  return opened;
}

async function close(app: INestApplication, parts: Parts): Promise<void> {
  parts.unwake();
  await Promise.all([app.close(), parts.watches.stop()]);
  await parts.relay.stop();
  await parts.keeper.stop();
  parts.peers.close();
  await parts.database.close();
}
