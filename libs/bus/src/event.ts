// An event or command as it travels: what is known of it apart from its bytes.
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { TopicName } from '@rejoinder/contracts/topics';

/** On its way out: a row of the outbox, then a record of the log. */
export interface OutboundEvent {
  topic: TopicName;
  /** Orders it among events of the same key; hashed to the partition. */
  key: string;
  /** The Protobuf message's own name, such as MailCaptured. */
  type: string;
  /** UUIDv7; the same event republished keeps its id. */
  id: string;
  tenantId: string;
  /** The writing service, such as /rejoinder/sync. */
  source: string;
  time: Date;
  /** Rises with the state it speaks of; 0 where there is no state to be kept. */
  sequence: bigint;
  historical: boolean;
  /** W3C trace context; undefined where nothing is traced. */
  traceparent?: string;
  value: Uint8Array;
}

/** As it was read from the log. */
export interface LoggedEvent extends Omit<OutboundEvent, 'topic'> {
  topic: string;
  partition: number;
  offset: bigint;
  /** Why its headers cannot be read: then the rest of it is stand-ins, and it is a dead letter. */
  malformed?: string;
}

/** One event given to a handler: decoded, with where it came from. */
export interface Received<Schema extends DescMessage = DescMessage> {
  event: LoggedEvent;
  message: MessageShape<Schema>;
}

/** What becomes of each event of a batch; there is nothing else. */
export type Outcome = { kind: 'done' } | { kind: 'skip'; reason: string } | { kind: 'dead_letter'; reason: string };

export const done: Outcome = { kind: 'done' };
export const skip = (reason: string): Outcome => ({ kind: 'skip', reason });
export const deadLetter = (reason: string): Outcome => ({ kind: 'dead_letter', reason });

/**
 * A handler turns a batch (one event type, at most 500 events, log order within each key) into rows in one short transaction. It answers
 * one outcome for all, or one for each. What it throws is retried with backoff: only its own database may fail.
 */
export type Handler<Schema extends DescMessage = DescMessage> = (batch: Received<Schema>[]) => Promise<Outcome | Outcome[]>;
