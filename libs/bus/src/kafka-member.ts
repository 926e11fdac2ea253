// A consumer on Kafka for as long as it is wanted: begins a new session when one crashes, stops for good when events are missing.
import { backoffMs, delay, within } from '@rejoinder/base/wait';
import type { Consumer, TopicPartition } from './event-log.js';
import { KafkaSession, type SessionEnd, type SessionSurroundings } from './kafka-session.js';

const firstRestartMs = 200;
const maxRestartMs = 3_000;
const startTimeoutMs = 60_000;

export class KafkaMember implements Consumer {
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #session: KafkaSession | undefined;
  #lastBeat: number | undefined;
  #stopped: string | undefined;
  #crash: string | undefined;
  #told = '';
  #telling: Promise<void> = Promise.resolve();

  constructor(private readonly around: Omit<SessionSurroundings, 'onBeat'>) {
    this.#running = this.#run();
  }

  health(): { running: boolean; reason?: string } {
    if (this.#stopped !== undefined) return { running: false, reason: this.#stopped };
    const { group } = this.around.subscription;
    const silentMs = performance.now() - (this.#lastBeat ?? Number.NEGATIVE_INFINITY);
    if (this.#lastBeat === undefined) return { running: true, reason: this.#crash ?? `${group} has not joined its group yet` };
    if (silentMs > this.around.timers.sessionTimeoutMs) return { running: true, reason: this.#crash ?? `${group}: Kafka does not answer` };
    return { running: true, reason: this.#session?.trouble };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const closed = new Promise<'closed'>((resolve) =>
      this.#closing.signal.addEventListener('abort', () => resolve('closed'), { once: true }),
    );
    for (let failures = 0; !this.#closing.signal.aborted && this.#stopped === undefined;) {
      const startedAt = performance.now();
      const end = await this.#runSession(closed);
      if (end === 'closed') return;
      if (end.kind === 'offset_lost') return this.#stopAt(end.at);
      const stood = this.#lastBeat !== undefined && this.#lastBeat > startedAt;
      failures = stood ? 1 : failures + 1;
      await this.#crashed(end.error, failures);
    }
  }

  async #runSession(closed: Promise<'closed'>): Promise<SessionEnd | 'closed'> {
    const session = new KafkaSession({ ...this.around, onBeat: (held, generation) => this.#beat(held, generation) });
    this.#session = session;
    try {
      const starting = within(startTimeoutMs, 'joining the group', session.start());
      starting.catch(() => undefined);
      const failed = starting
        .then(() => new Promise<never>(() => undefined))
        .catch((error: Error): SessionEnd => ({ kind: 'crashed', error }));
      return await Promise.race([session.ended, failed, closed]);
    } finally {
      await session.close();
    }
  }

  async #crashed(error: Error, failures: number): Promise<void> {
    const { connection, subscription } = this.around;
    this.#crash = `${subscription.group} lost its consumer (${error.name}) and begins anew`;
    connection.logger.warn({ error, group: subscription.group, failures }, 'the consumer crashed; it begins anew');
    await delay(backoffMs(failures, firstRestartMs, maxRestartMs), this.#closing.signal);
  }

  #stopAt(at: TopicPartition): void {
    const { connection, subscription } = this.around;
    this.#stopped = `${subscription.group} has stopped at ${at.topic}/${at.partition}: its offset has left the log, events are missing`;
    connection.logger.error({ group: subscription.group, ...at }, this.#stopped);
    subscription.onOffsetLost?.(at);
  }

  /** Each join is told, also one that changes nothing: who was robbed of a partition by a member that had been taken for dead takes it again. */
  #beat(held: TopicPartition[], generation: number): void {
    this.#lastBeat = performance.now();
    this.#crash = undefined;
    const names = [generation, ...held.map(({ topic, partition }) => `${topic}/${partition}`).toSorted()].join();
    if (names === this.#told || !this.around.subscription.onAssigned) return;
    this.#told = names;
    this.#telling = this.#telling.then(() => this.#tell(held, names));
  }

  /** One after the other; what was overtaken by a newer assignment is not told. */
  async #tell(held: TopicPartition[], names: string): Promise<void> {
    const { connection, subscription } = this.around;
    for (let attempt = 1; names === this.#told && !this.#closing.signal.aborted; attempt++) {
      try {
        return await subscription.onAssigned!(held);
      } catch (error) {
        connection.logger.warn({ error, group: subscription.group }, 'an assignment was not taken; it is told again');
        await delay(backoffMs(attempt, firstRestartMs, maxRestartMs), this.#closing.signal);
      }
    }
  }
}
