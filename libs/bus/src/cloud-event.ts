// CloudEvents over Kafka in binary mode: what is known of an event goes into headers, its bytes stay as they are.
import { isId } from '@rejoinder/base/id';
import type { LoggedEvent, OutboundEvent } from './event.js';

/** Headers as a log keeps them: text by name. */
export type EventHeaders = Record<string, string>;

/** Headers as a log gives them: Kafka clients hand out bytes, and a list where a header came twice. */
export type RawHeaders = Record<string, Buffer | string | (Buffer | string)[] | undefined>;

/** A record as a log gives it. */
export interface RawRecord {
  topic: string;
  partition: number;
  offset: bigint;
  key: string | null;
  headers: RawHeaders;
  value: Uint8Array | null;
}

const contentType = 'application/protobuf';
const maxSequence = 2n ** 63n - 1n;
const maxTextLength = 300;
const nobody = '00000000-0000-0000-0000-000000000000';
const traceparentForm = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The headers of an event that goes out. */
export function encodeHeaders(event: OutboundEvent): EventHeaders {
  return {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_type: event.type,
    ce_source: event.source,
    ce_time: event.time.toISOString(),
    ce_tenant: event.tenantId,
    ce_sequence: event.sequence.toString(),
    ...(event.historical ? { ce_historical: 'true' } : {}),
    'content-type': contentType,
    ...(event.traceparent ? { traceparent: event.traceparent } : {}),
  };
}

/** The event of a record. One whose headers make no sense is given all the same, marked malformed: it is poison, not a reason to stop. */
export function decodeRecord(record: RawRecord): LoggedEvent {
  const { topic, partition, offset } = record;
  const read = (name: string) => headerText(record.headers, name);
  const event: LoggedEvent = {
    topic,
    partition,
    offset,
    key: record.key ?? '',
    type: read('ce_type') ?? '',
    id: read('ce_id') ?? '',
    tenantId: read('ce_tenant') ?? '',
    source: read('ce_source') ?? '',
    time: new Date(read('ce_time') ?? Number.NaN),
    sequence: sequenceOf(read('ce_sequence')),
    historical: read('ce_historical') === 'true',
    traceparent: traceparentOf(read('traceparent')),
    value: record.value ?? new Uint8Array(),
  };
  const malformed = faultOf(record, event);
  return malformed === undefined ? event : { ...event, ...safe(event), malformed };
}

/** Why a record is none of ours; undefined if it is one. */
function faultOf({ key, headers, value }: RawRecord, event: LoggedEvent): string | undefined {
  if (value === null) return 'no value';
  if (key === null) return 'no key';
  if (headerText(headers, 'ce_specversion') !== '1.0') return 'ce_specversion is not 1.0';
  if (headerText(headers, 'content-type') !== contentType) return `content-type is not ${contentType}`;
  if (!/^[A-Za-z][A-Za-z0-9]*$/.test(event.type)) return 'ce_type is no name of a message';
  if (!isId(event.id)) return 'ce_id is no id';
  if (!isId(event.tenantId)) return 'ce_tenant is no id';
  if (event.source === '') return 'ce_source is missing';
  if (Number.isNaN(event.time.getTime())) return 'ce_time is no time';
  if (event.sequence < 0n) return 'ce_sequence is no number';
  if (![undefined, 'true'].includes(headers.ce_historical === undefined ? undefined : headerText(headers, 'ce_historical')))
    return 'ce_historical is not true';
  return undefined;
}

/** Stand-ins that fit a row of dead letters, for what could not be read. */
function safe(event: LoggedEvent): Partial<LoggedEvent> {
  return {
    tenantId: isId(event.tenantId) ? event.tenantId : nobody,
    id: isId(event.id) ? event.id : nobody,
    time: Number.isNaN(event.time.getTime()) ? new Date(0) : event.time,
    sequence: event.sequence < 0n ? 0n : event.sequence,
  };
}

/** A header's text; undefined where it is missing, came twice or is longer than any of ours. */
function headerText(headers: RawHeaders, name: string): string | undefined {
  const raw = headers[name];
  if (raw === undefined || Array.isArray(raw) || raw.length > maxTextLength) return undefined;
  return raw.toString();
}

function sequenceOf(text: string | undefined): bigint {
  if (text === undefined || !/^\d{1,19}$/.test(text)) return -1n;
  const sequence = BigInt(text);
  return sequence > maxSequence ? -1n : sequence;
}

/** A broken trace is not worth an event: it is left out. */
function traceparentOf(text: string | undefined): string | undefined {
  return text !== undefined && traceparentForm.test(text) ? text : undefined;
}
