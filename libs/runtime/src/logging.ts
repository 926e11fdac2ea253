// Logs without content: JSON lines of ids, counts and codes; errors lose whatever a stranger could have put into them.
import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { Fault } from '@rejoinder/base/fault';

export type Logger = PinoLogger;

const address = /[^\s<>"'(),;:]+@[^\s<>"'(),;:]+/g;
const maxMessage = 200;

/** What a log says of an error: its name and code, the place, and a message whose addresses are masked; never a mail server's detail. */
export function describeError(error: unknown): Record<string, unknown> {
  if (error instanceof Fault) return { name: error.name, kind: error.kind, code: error.code, message: error.message.slice(0, maxMessage) };
  if (!(error instanceof Error)) return { name: typeof error };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  const message = error.message.replace(address, '[address]').slice(0, maxMessage);
  return { name: error.name, code: (error as { code?: unknown }).code, message, at: frames.slice(0, 4).map((frame) => frame.trim()) };
}

/** One logger a process; each role takes a child of it. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: undefined,
    serializers: { error: describeError, err: describeError },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return destination ? pino(options, destination) : pino(options);
}

/** Nest's own messages, through the same logger: its start-up chatter at debug. */
export function nestLogger(logger: Logger): LoggerService {
  const errorOf = (rest: unknown[]) => rest.find((one) => one instanceof Error);
  const say =
    (level: 'error' | 'warn' | 'debug') =>
    (message: unknown, ...rest: unknown[]) => {
      const error = message instanceof Error ? message : errorOf(rest);
      logger[level]({ error }, error ? 'nest' : String(message).replace(address, '[address]').slice(0, maxMessage));
    };
  return { log: say('debug'), error: say('error'), warn: say('warn'), debug: say('debug'), verbose: say('debug'), fatal: say('error') };
}
