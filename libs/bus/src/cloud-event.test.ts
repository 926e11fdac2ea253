// CloudEvents in binary mode: what goes out comes back, and what is none of ours is told by its reason.
import { describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { decodeRecord, encodeHeaders, type RawHeaders } from './cloud-event.js';
import type { OutboundEvent } from './event.js';

const event: OutboundEvent = {
  topic: 'rejoinder.sync.v1',
  key: newId(),
  type: 'MailCaptured',
  id: newId(),
  tenantId: newId(),
  source: '/rejoinder/sync',
  time: new Date('2026-11-24T21:06:00.123Z'),
  sequence: 2n ** 62n,
  historical: true,
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  value: Buffer.from('value'),
};
const place = { topic: event.topic, partition: 3, offset: 7n };
const decode = (change: RawHeaders = {}, rest: { key?: string | null; value?: Uint8Array | null } = {}) =>
  decodeRecord({ ...place, key: event.key, value: event.value, headers: { ...encodeHeaders(event), ...change }, ...rest });

describe('an event in a record', () => {
  it('has the attributes of CloudEvents as headers, and only those that it has', () => {
    expect(encodeHeaders({ ...event, historical: false, traceparent: undefined })).toEqual({
      ce_specversion: '1.0',
      ce_id: event.id,
      ce_type: 'MailCaptured',
      ce_source: '/rejoinder/sync',
      ce_time: '2026-11-24T21:06:00.123Z',
      ce_tenant: event.tenantId,
      ce_sequence: '4611686018427387904',
      'content-type': 'application/protobuf',
    });
  });

  it('comes back as it went, from text and from bytes', () => {
    const bytes = Object.fromEntries(Object.entries(encodeHeaders(event)).map(([name, text]) => [name, Buffer.from(text)]));
    expect(decode()).toEqual({ ...event, ...place });
    expect(decode(bytes)).toEqual({ ...event, ...place });
  });

  it('is malformed, with a reason and safe stand-ins, if a header makes no sense', () => {
    const broken: [RawHeaders, RegExp][] = [
      [{ ce_specversion: '0.3' }, /specversion/],
      [{ ce_id: undefined }, /ce_id/],
      [{ ce_id: 'x' }, /ce_id/],
      [{ ce_id: [event.id, event.id] }, /ce_id/],
      [{ ce_type: '' }, /ce_type/],
      [{ ce_type: 'a/b' }, /ce_type/],
      [{ ce_type: 'A'.repeat(301) }, /ce_type/],
      [{ ce_source: undefined }, /ce_source/],
      [{ ce_time: 'yesterday' }, /ce_time/],
      [{ ce_tenant: '*' }, /ce_tenant/],
      [{ ce_sequence: '-1' }, /ce_sequence/],
      [{ ce_sequence: '9999999999999999999' }, /ce_sequence/],
      [{ ce_historical: 'false' }, /ce_historical/],
      [{ 'content-type': 'application/json' }, /content-type/],
    ];
    for (const [change, reason] of broken) {
      const decoded = decode(change);
      expect(decoded.malformed, JSON.stringify(change)).toMatch(reason);
      expect(decoded.tenantId).toMatch(/^[0-9a-f-]{36}$/);
      expect(decoded.sequence).toBeGreaterThanOrEqual(0n);
      expect(() => encodeHeaders({ ...decoded, topic: event.topic })).not.toThrow();
    }
    expect(decode({}, { key: null }).malformed).toBe('no key');
    expect(decode({}, { value: null }).malformed).toBe('no value');
  });

  it('loses a broken trace, and keeps its event', () => {
    const decoded = decode({ traceparent: 'nonsense' });
    expect(decoded.malformed).toBeUndefined();
    expect(decoded.traceparent).toBeUndefined();
  });
});
