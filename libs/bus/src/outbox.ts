// Writes events beside the rows they speak of: what was not saved was not said.
import { context, propagation } from '@opentelemetry/api';
import { create, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { newId } from '@rejoinder/base/id';
import { Fault } from '@rejoinder/base/fault';
import type { Clock } from '@rejoinder/base/clock';
import type { TopicName } from '@rejoinder/contracts/topics';
import type { SqlTransaction } from './sql.js';

/** One event to be said once the transaction commits. */
export interface NewEvent<Schema extends DescMessage = DescMessage> {
  topic: TopicName;
  key: string;
  tenantId: string;
  schema: Schema;
  message: MessageInitShape<Schema>;
  /** Revision of the state it speaks of; 0 by default. */
  sequence?: bigint;
  historical?: boolean;
  /** The trace it belongs to: of the event or work row it follows from; by default the active one. */
  traceparent?: string;
}

/** Types an event's message by its schema, so that a list of different events stays checked. */
export function event<Schema extends DescMessage>(of: NewEvent<Schema>): NewEvent {
  return of as unknown as NewEvent;
}

/** The W3C traceparent of the active span, if any. */
export function activeTraceparent(): string | undefined {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

/** Kafka's own limit for a request to a partition is 1 MB. */
export const maxEventBytes = 900_000;

const insert = `
insert into outbox (written_at, tenant_id, event_id, topic, key, type, sequence, historical, traceparent, value)
select $1::timestamptz, e.* from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bool[], $9::text[], $10::bytea[]) as e`;

/** The outbox of one service. The caller locks the key's own row first, so that seq rises within a key. */
export class Outbox {
  constructor(private readonly clock: Clock) {}

  /** Adds events in order, in the caller's transaction; one statement for all. */
  async add(tx: SqlTransaction, events: NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    const active = activeTraceparent();
    const values = events.map(bytesOf);
    await tx.$executeRawUnsafe(
      insert,
      this.clock.now(),
      events.map((e) => e.tenantId),
      events.map(() => newId()),
      events.map((e) => e.topic),
      events.map((e) => e.key),
      events.map((e) => e.schema.name),
      events.map((e) => e.sequence ?? 0n),
      events.map((e) => e.historical ?? false),
      events.map((e) => e.traceparent ?? active ?? null),
      values,
    );
  }
}

/** An event that no broker takes would hold up all behind it for ever: it is refused where it is made. */
function bytesOf({ schema, message }: NewEvent): Buffer {
  const bytes = Buffer.from(toBinary(schema, create(schema, message)));
  if (bytes.length > maxEventBytes)
    throw new Fault('too_large', 'EVENT_TOO_LARGE', `${schema.name} has ${bytes.length} bytes; an event takes ${maxEventBytes}.`);
  return bytes;
}
