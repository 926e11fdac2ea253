// `rejoinder dead-letters`: what could not be handled, by service, event and reason, and handing it to its handler again. Never its content.
import { waitingLetters, type DeadLetter, type WaitingLetters } from '@rejoinder/bus/dead-letters';
import { deadLetter, type Outcome } from '@rejoinder/bus/event';
import { Fault } from '@rejoinder/base/fault';
import type { Environment } from '@rejoinder/runtime/config';
import { openHandlers, type Handlers } from '@rejoinder/runtime/role';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { withHouse, withRows } from './operator-house.js';
import { loadRoles } from './roles.js';

type Print = (text: string) => void;
type Waiting = WaitingLetters & { service: ServiceName };

export interface ListOptions {
  data?: string;
  json?: boolean;
}

/** Prints what waits to be replayed, of one service or of all. */
export async function listDeadLetters(
  env: Environment,
  service: ServiceName | undefined,
  { data, json }: ListOptions,
  print: Print,
): Promise<void> {
  const waiting = await withHouse(env, data, async (house) => {
    const found: Waiting[] = [];
    for (const one of service ? [service] : services)
      found.push(...(await withRows(house, one, waitingLetters)).map((letters) => ({ service: one, ...letters })));
    return found;
  });
  if (json) return print(JSON.stringify({ waiting }, null, 2));
  print(waiting.length === 0 ? 'No dead letter waits.' : waitingTable(waiting));
}

function waitingTable(waiting: Waiting[]): string {
  const head = ['service', 'count', 'oldest', 'event', 'topic', 'reason'];
  const rows = waiting.map(({ service, count, oldest, type, topic, reason }) => [
    service,
    String(count),
    `${oldest.toISOString().slice(0, 16)}Z`,
    printable(type),
    topic,
    reason,
  ]);
  const widths = head.map((title, column) => Math.max(...[title, ...rows.map((row) => row[column]!)].map(({ length }) => length)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  const next = [...new Set(waiting.map(({ service }) => service))].map((service) => `  rejoinder dead-letters replay ${service}`);
  return [line(head), ...rows.map(line), '', 'Once the reason is mended:', ...next].join('\n');
}

/** A malformed record's type is a stranger's text: none of it may steer the terminal. */
const printable = (text: string) => text.replace(/\p{C}/gu, '?');

export interface ReplayOptions {
  data?: string;
  limit: number;
}

/** Hands waiting dead letters to their handlers again, and prints what became of them; true only if none is still dead. */
export async function replayDeadLetters(
  env: Environment,
  service: ServiceName,
  { data, limit }: ReplayOptions,
  print: Print,
): Promise<boolean> {
  return withHouse(env, data, async (house, settings) => {
    const [role] = await loadRoles([service]);
    const handlers = await openHandlers(role!, house, settings);
    try {
      const counts = await replayAll(handlers, house.clock.now(), limit);
      print(replayTable(service, counts));
      return ![...counts.keys()].some((name) => name.startsWith('still dead'));
    } finally {
      await handlers.close();
    }
  });
}

/** In the order of the log; those that die meanwhile are left to the next time. */
async function replayAll(handlers: Handlers, until: Date, limit: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let after: DeadLetter | undefined;
  for (let left = limit; left > 0;) {
    const page = (await handlers.deadLetters.waiting(until, after)).slice(0, left);
    if (page.length === 0) break;
    for (const letter of page) {
      const became = nameOf(letter, await replayOne(handlers, letter));
      counts.set(became, (counts.get(became) ?? 0) + 1);
    }
    left -= page.length;
    after = page.at(-1);
  }
  return counts;
}

/** What can no longer be opened stays dead and holds up no other. */
async function replayOne(handlers: Handlers, { deadLetterId }: DeadLetter): Promise<Outcome> {
  try {
    return await handlers.replay(deadLetterId);
  } catch (error) {
    if (error instanceof Fault) return deadLetter(error.message);
    throw error;
  }
}

function nameOf({ type, topic }: DeadLetter, outcome: Outcome): string {
  const event = `${printable(type)} of ${topic}`;
  if (outcome.kind === 'done') return `handled       ${event}`;
  return `${outcome.kind === 'skip' ? 'skipped   ' : 'still dead'}    ${event}: ${outcome.reason}`;
}

function replayTable(service: ServiceName, counts: Map<string, number>): string {
  if (counts.size === 0) return `No dead letter of ${service} waits.`;
  return [...counts].map(([name, count]) => `${String(count).padStart(6)}  ${name}`).join('\n');
}
