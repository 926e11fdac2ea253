// The last events that this process has appended: its own members need not read them back from the database.
import type { LoggedEvent } from './event.js';
import type { TopicPartition } from './event-log.js';

/** Members that are not there by then, because they are busy or behind, read from the database. */
const keptMs = 2_000;
const maxBytes = 4_000_000;
const maxEvents = 500;

/** An event with when it was appended, which tells it from another that came to stand at its offset. */
export interface Appended {
  event: LoggedEvent;
  appendedAt: string;
}

export class LocalTail {
  readonly #events = new Map<string, Appended>();
  #bytes = 0;

  /** Keeps events whose append is committed, for a moment; none of them where there are too many. */
  add(events: LoggedEvent[], appendedAt: Date): void {
    const bytes = events.reduce((sum, { value }) => sum + value.length, 0);
    if (this.#bytes + bytes > maxBytes) return;
    this.#bytes += bytes;
    for (const event of events) this.#events.set(keyOf(event, event.offset), { event, appendedAt: appendedAt.toISOString() });
    setTimeout(() => {
      this.#bytes -= bytes;
      for (const event of events) this.#events.delete(keyOf(event, event.offset));
    }, keptMs).unref();
  }

  /** The database may have crashed, and with it the end of the log: its offsets may come to stand for other events. */
  clear(): void {
    this.#events.clear();
  }

  /** The events from this offset on without a gap, as far as they are here. */
  from(at: TopicPartition, next: bigint): Appended[] {
    const found: Appended[] = [];
    for (let one = this.#events.get(keyOf(at, next)); one && found.length < maxEvents;) {
      found.push(one);
      one = this.#events.get(keyOf(at, one.event.offset + 1n));
    }
    return found;
  }
}

const keyOf = ({ topic, partition }: TopicPartition, offset: bigint) => `${topic}/${partition}/${offset}`;
