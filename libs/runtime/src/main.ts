// A process that runs roles until it is told to stop: settings, telemetry, roles, health, and an end in order.
import 'reflect-metadata';
import { Fault } from '@rejoinder/base/fault';
import { backoffMs, delay, within } from '@rejoinder/base/wait';
import type { HouseOptions } from './house.js';
import { serveHealth } from './health.js';
import type { Logger } from './logging.js';
import { isOutage } from './outage.js';
import type { Role, RunningRole } from './role.js';
import { startTelemetry } from './telemetry.js';
import { readSettings, type Environment, type Setting } from './config.js';
import { unknownSettings } from './unknown-settings.js';
import { houseSettings, type HouseSettings } from './house-settings.js';

export interface StartOptions extends HouseOptions {
  /** How long it waits for what may come up. */
  waitMs?: number;
  /** Names of all settings that there are, of whichever role: others are told in the log. */
  settingNames?: () => Promise<ReadonlySet<string>>;
}

export interface RunningHouse {
  roles: RunningRole[];
  /**
   * Unready at once, in service for REJOINDER_UNREADY_SECONDS, then everything that has begun ends within REJOINDER_DRAIN_SECONDS or is cut. Resolves
   * once everything is let go of.
   */
  stop(): Promise<void>;
}

/** So long before it serves nobody any more its callers look for another process: the platform has long told of the one that takes its place. */
const sendOnMs = 1_000;
/** What a process needs at most to leave its groups and close its connections, once its work is over. */
const letGoMs = 6_000;
/** What a role needs may come up beside it, or be busy with what else starts: after so long whoever runs it learns of it. */
const startWithinMs = 300_000;
const firstRetryMs = 1_000;
const maxRetryMs = 10_000;

/**
 * Starts roles side by side in this process, which traces know by its name: once all answer, all begin their work. They and what they stand on are
 * imported after telemetry, which must come first to see anything. While PostgreSQL or Kafka cannot be reached it waits for as long as it is told, and
 * says so: to end and be started anew would cost whatever the machine has, of which what it waits for may be short.
 */
export async function startHouse(
  name: string,
  loadRoles: () => Promise<Role[]>,
  env: Environment,
  { waitMs = 0, settingNames, ...options }: StartOptions = {},
): Promise<RunningHouse> {
  const telemetry = await startTelemetry(name, env.OTEL_EXPORTER_OTLP_ENDPOINT);
  const [{ createLogger }] = await Promise.all([import('./logging.js'), import('./house.js'), import('./role.js')]);
  const definitions = await loadRoles();
  const unknown = settingNames ? unknownSettings(env, await settingNames()) : [];
  const { logLevel } = refuseWrongSettings(definitions, env, unknown);
  const logger = options.logger ?? createLogger(logLevel);
  for (const sentence of unknown) logger.warn(sentence);
  try {
    const { roles, stop } = await patiently(() => open(definitions, env, { ...options, logger }), logger, waitMs);
    return { roles, stop: async () => (await stop(), await telemetry.stop()) };
  } catch (error) {
    await telemetry.stop();
    throw error;
  }
}

/** Tries again while what failed may come to be by itself. */
export async function patiently<T>(start: () => Promise<T>, logger: Logger, limitMs: number): Promise<T> {
  const until = performance.now() + limitMs;
  for (let tries = 1; ; tries++) {
    try {
      return await start();
    } catch (error) {
      const mayPass = error instanceof Fault ? error.kind === 'busy' : isOutage(error);
      const waitMs = backoffMs(tries, firstRetryMs, maxRetryMs);
      if (!mayPass || performance.now() + waitMs > until) throw error;
      logger.warn({ error, tries }, 'cannot start yet; it tries again');
      await delay(waitMs);
    }
  }
}

async function open(definitions: Role[], env: Environment, options: HouseOptions): Promise<RunningHouse> {
  const [{ openHouse }, { openRole, titleOf }] = await Promise.all([import('./house.js'), import('./role.js')]);
  const house = await openHouse(env, options);
  const roles: RunningRole[] = [];
  const all = () =>
    definitions
      .map(titleOf)
      .map((title) => roles.find(({ name }) => name === title)?.health() ?? { role: title, started: false, ready: false, troubles: [] });
  const health = house.settings.healthListen ? await serveHealth(house.settings.healthListen, all) : undefined;
  const letGo = async () => {
    await Promise.all(roles.map((role) => role.stop()));
    await health?.close();
    await house.close();
  };
  const stop = async () => {
    const { unreadySeconds } = house.settings;
    for (const role of roles) role.announceEnd();
    if (unreadySeconds > 0) {
      house.logger.info({ unreadySeconds }, 'unready, and still serving');
      await delay(unreadySeconds * 1_000 - sendOnMs);
      for (const role of roles) role.sendCallersOn();
      await delay(sendOnMs);
    }
    // Roles that share a process end what they have begun before one of them answers the others no more.
    await Promise.all(roles.map((role) => role.drain()));
    await Promise.all(roles.map((role) => role.hangUp()));
    await within(letGoMs, 'letting go of Kafka and the databases', letGo());
  };
  try {
    await house.eventLog.ensureTopics();
    for (const definition of definitions) roles.push(await openRole(definition, house, env));
    for (const role of roles) await role.begin();
  } catch (error) {
    await letGo();
    throw error;
  }
  house.logger.info({ roles: definitions.map(titleOf) }, 'ready');
  return { roles, stop };
}

/** Those of the house and of all roles at once, before anything is opened; answers those of the house. One that must be set may be mistyped: so what is unknown is told with it. */
function refuseWrongSettings(roles: Role[], env: Environment, unknown: string[]): HouseSettings {
  const all = [houseSettings, ...roles.map(({ settings }) => settings)].flatMap((settings): Setting<unknown>[] => Object.values(settings));
  try {
    readSettings(Object.fromEntries(all.map((setting) => [setting.env, setting])), env);
  } catch (error) {
    throw error instanceof Fault ? new Fault(error.kind, error.code, [error.message, ...unknown].join('\n  ')) : error;
  }
  return readSettings(houseSettings, env);
}

/** For a service's main.ts: runs until SIGTERM or SIGINT; a refusal is one message and exit code 1, a bug crashes. */
export async function main(role: string, loadRoles: () => Promise<Role[]>, settingNames?: StartOptions['settingNames']): Promise<void> {
  // The first process of a container hears no signal but those it asks for: before it has begun anything it just goes.
  let stop: () => Promise<void> = async () => undefined;
  onStopSignal(() => stop());
  try {
    ({ stop } = await startHouse(`rejoinder-${role}`, loadRoles, process.env, { waitMs: startWithinMs, settingNames }));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** A terminal tells the whole group of a Ctrl-C, and whoever started us may pass it on: these are one. */
const sameSignalMs = 1_000;

/** The first signal stops in order, a second at once. */
export function onStopSignal(stop: () => Promise<void>): void {
  let stoppingSince: number | undefined;
  const onSignal = () => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > sameSignalMs) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`could not stop in order: ${error instanceof Error ? error.message : 'unknown'}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}
