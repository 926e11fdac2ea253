// The port: an ordered, partitioned event log. Kafka and PostgreSQL stand behind it and pass one conformance suite.
import { Fault } from '@rejoinder/base/fault';
import type { LoggedEvent, OutboundEvent } from './event.js';

export interface TopicPartition {
  topic: string;
  partition: number;
}

export interface Subscription {
  /** Consumer group: each event goes to one member of it. A new group starts at the oldest event that is still there. */
  group: string;
  topics: string[];
  /**
   * Takes events of one partition in order, at most 500; its offset is committed once this resolves. When it throws, the same batch comes again after a
   * backoff (100 ms to 10 s); other partitions go on. The signal fires when the partition is lost or the consumer closes.
   */
  handle(batch: LoggedEvent[], signal: AbortSignal): Promise<void>;
  /** Every assignment, whole: what this member holds now. Confirmed: a heartbeat has succeeded since. */
  onAssigned?(partitions: TopicPartition[]): Promise<void>;
  /** The group's offset has left the log: events are missing. The consumer stops and raises this alarm. */
  onOffsetLost?(at: TopicPartition): void;
}

export interface Consumer {
  /** Finishes the batch in hand, gives the partitions back. */
  close(): Promise<void>;
  /** False once the consumer has stopped by itself, with the reason. */
  health(): { running: boolean; reason?: string };
}

export interface EventLog {
  /** Makes the topics of the catalogue that are missing, with retention 3 days and segments of 6 h. */
  ensureTopics(): Promise<void>;
  /** Appends in the given order within each key; resolves once all are durable, else rejects (some may then be there). */
  publish(events: OutboundEvent[]): Promise<void>;
  consume(subscription: Subscription): Promise<Consumer>;
  /**
   * An operator's word that what a stopped group missed has been dealt with (republished, or let go): moves its lost offsets to the oldest event still
   * there. Refused while members of the group run. Answers where; nowhere if nothing is lost.
   */
  skipLost(group: string): Promise<TopicPartition[]>;
  /** Oldest event still there, over all topics; undefined if none. For the proof of retention. */
  oldest(): Promise<Date | undefined>;
  close(): Promise<void>;
}

/** A member would commit its own place over the one it is given. */
export const groupRuns = (group: string) =>
  new Fault('conflict', 'GROUP_RUNS', `${group} still has members: stop all processes of that role first.`);
