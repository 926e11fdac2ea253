// What becomes of a batch of the log: runs of one type, decoded, handled, and each event's outcome carried out.
import { fromBinary, type DescMessage } from '@bufbuild/protobuf';
import { eventSchema } from '@rejoinder/contracts/topics';
import type { Counters } from './counters.js';
import type { DeadLetters } from './dead-letters.js';
import { deadLetter, done, skip, type LoggedEvent, type Outcome, type Received } from './event.js';
import type { BusLogger } from './logger.js';
import { inBatchSpan } from './trace.js';

/** A service's handler as it is called: it answers outcomes or throws what the handler threw. */
export type Invoke = (batch: Received[]) => Promise<Outcome | Outcome[]>;

export interface BatchHandlerOptions {
  service: string;
  /** The handler of an event type on a topic, if the service has one. */
  handlerOf: (topic: string, type: string) => Invoke | undefined;
  deadLetters: Pick<DeadLetters, 'store'>;
  /** Tells an outage of the handler's own database, which is waited for, from an event it cannot take. */
  isOutage: (error: unknown) => boolean;
  counters: Counters;
  logger: BusLogger;
}

/** How far a batch got that is to come again. */
interface Progress {
  first: bigint;
  next: bigint;
  attempts: number;
}

/** An event with its message, if its bytes are one. */
type Decoded = Received | { event: LoggedEvent; message: undefined };

const maxBatchAttempts = 5;
const unreadable = deadLetter('bytes are not its message');

/** Takes the batches of all partitions of one service. What it throws makes the log bring the same batch again. */
export class BatchHandler {
  readonly #progress = new Map<string, Progress>();

  constructor(private readonly options: BatchHandlerOptions) {}

  /** Resolves once every event of the batch is done, skipped or a dead letter. */
  async handle(batch: LoggedEvent[], signal: AbortSignal): Promise<void> {
    const { topic, partition, offset } = batch[0]!;
    const place = `${topic}/${partition}`;
    const before = this.#progress.get(place);
    const progress = before?.first === offset ? before : { first: offset, next: offset, attempts: 0 };
    this.#progress.set(place, progress);
    for (const run of runsOf(batch.filter((event) => event.offset >= progress.next))) {
      if (signal.aborted) throw new Error('stopped between two runs of events');
      await inBatchSpan(this.options.service, run, () => this.#handleRun(run, progress));
      progress.next = run.at(-1)!.offset + 1n;
      progress.attempts = 0;
    }
    this.#progress.delete(place);
  }

  /** One event outside its order, such as a dead letter that is replayed. */
  async handleOne(event: LoggedEvent): Promise<Outcome> {
    const plan = this.#plan([event]);
    if (plan.kind !== 'call') return plan.outcome;
    const one = decode(event, plan.schema);
    return isReadable(one) ? this.#single(plan.invoke, one) : unreadable;
  }

  async #handleRun(run: LoggedEvent[], progress: Progress): Promise<void> {
    const plan = this.#plan(run);
    if (plan.kind !== 'call') {
      for (const event of run) await this.#carryOut(event, plan.outcome);
      return;
    }
    const decoded = run.map((event) => decode(event, plan.schema));
    if (progress.attempts < maxBatchAttempts) await this.#together(plan.invoke, decoded, progress);
    else await this.#oneByOne(plan.invoke, decoded, progress);
  }

  #plan(run: LoggedEvent[]): { kind: 'call'; invoke: Invoke; schema: DescMessage } | { kind: 'no_call'; outcome: Outcome } {
    const { topic, type, malformed } = run[0]!;
    if (malformed !== undefined) return { kind: 'no_call', outcome: deadLetter(`malformed: ${malformed}`) };
    const schema = eventSchema(topic, type);
    if (!schema) return { kind: 'no_call', outcome: skip('unknown_type') };
    const invoke = this.options.handlerOf(topic, type);
    return invoke ? { kind: 'call', invoke, schema } : { kind: 'no_call', outcome: skip('no_handler') };
  }

  async #together(invoke: Invoke, decoded: Decoded[], progress: Progress): Promise<void> {
    const readable = decoded.filter(isReadable);
    let outcomes: Outcome[] = [];
    try {
      if (readable.length > 0) outcomes = outcomesFor(readable, await invoke(readable));
    } catch (error) {
      this.options.counters.retried();
      if (!this.options.isOutage(error)) progress.attempts++;
      throw error;
    }
    for (const one of decoded) await this.#carryOut(one.event, isReadable(one) ? outcomes[readable.indexOf(one)]! : unreadable);
  }

  /** After several tries of the whole: finds the events that cannot be taken, and lets the others through. */
  async #oneByOne(invoke: Invoke, decoded: Decoded[], progress: Progress): Promise<void> {
    for (const one of decoded) {
      await this.#carryOut(one.event, isReadable(one) ? await this.#single(invoke, one) : unreadable);
      progress.next = one.event.offset + 1n;
    }
  }

  async #single(invoke: Invoke, one: Received): Promise<Outcome> {
    try {
      return outcomesFor([one], await invoke([one]))[0]!;
    } catch (error) {
      if (this.options.isOutage(error)) throw error;
      this.options.logger.error({ error, ...placeOf(one.event) }, 'an event cannot be handled');
      return deadLetter(`handler threw ${nameOf(error)}`);
    }
  }

  async #carryOut(event: LoggedEvent, outcome: Outcome): Promise<void> {
    const { counters, deadLetters, logger } = this.options;
    if (outcome.kind === 'done') return counters.handled();
    if (outcome.kind === 'skip') return counters.skipped(outcome.reason);
    const kept = await deadLetters.store(event, outcome.reason);
    if (!kept) return counters.skipped('tenant_gone');
    counters.dead();
    logger.error({ ...placeOf(event), reason: outcome.reason }, 'an event became a dead letter');
  }
}

/** Neighbours of one type; a malformed record is a run of its own. */
function runsOf(batch: LoggedEvent[]): LoggedEvent[][] {
  const runs: LoggedEvent[][] = [];
  for (const event of batch) {
    const last = runs.at(-1);
    const joins = last && last[0]!.type === event.type && event.malformed === undefined && last[0]!.malformed === undefined;
    if (joins) last.push(event);
    else runs.push([event]);
  }
  return runs;
}

function decode(event: LoggedEvent, schema: DescMessage): Decoded {
  try {
    return { event, message: fromBinary(schema, event.value) };
  } catch {
    return { event, message: undefined };
  }
}

const isReadable = (one: Decoded): one is Received => one.message !== undefined;

/** One outcome for each event; an answer that is none is the handler's bug and counts as thrown. */
function outcomesFor(received: Received[], answer: Outcome | Outcome[]): Outcome[] {
  const outcomes = Array.isArray(answer) ? answer : received.map(() => answer);
  if (outcomes.length !== received.length)
    throw new TypeError(`a handler answered ${outcomes.length} outcomes for ${received.length} events`);
  if (!outcomes.every(isOutcome)) throw new TypeError('a handler answered something that is no outcome');
  return outcomes;
}

function isOutcome(answer: unknown): answer is Outcome {
  const { kind, reason } = (answer ?? {}) as { kind?: string; reason?: unknown };
  return kind === done.kind || ((kind === 'skip' || kind === 'dead_letter') && typeof reason === 'string');
}

/** An error's message may quote data: its name and code say enough beside a sealed value. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no error';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? `${error.name} ${code}` : error.name;
}

const placeOf = ({ topic, partition, offset, type, id, tenantId }: LoggedEvent) => ({
  topic,
  partition,
  offset: String(offset),
  type,
  eventId: id,
  tenantId,
});
