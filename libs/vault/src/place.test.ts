// A place names one key, and a mistake in it is refused before anything is sealed.
import { expect, test } from 'vitest';
import { bindingOf, keyNameOf, type Place } from './place.js';
import type { KeyHolder } from './purposes.js';

const tenantId = '01935f3a-0000-7000-8000-000000000001';

test('keys by day have their day, others have none', () => {
  expect(keyNameOf('sync', { tenantId, purpose: 'raw', day: '2024-02-29' })).toEqual({ tenantId, purpose: 'raw', day: '2024-02-29' });
  expect(keyNameOf('timeline', { tenantId, purpose: 'text' })).toEqual({ tenantId, purpose: 'text', day: 'infinity' });
});

test.each<[string, KeyHolder, Omit<Place, 'row'>, string]>([
  ['a day that is missing', 'sync', { tenantId, purpose: 'raw' }, 'PLACE_INVALID'],
  ['a day too many', 'timeline', { tenantId, purpose: 'text', day: '2026-11-24' }, 'PLACE_INVALID'],
  ['infinity for a day', 'sync', { tenantId, purpose: 'raw', day: 'infinity' }, 'PLACE_INVALID'],
  ['a day that no calendar has', 'sync', { tenantId, purpose: 'raw', day: '2026-02-30' }, 'PLACE_INVALID'],
  ['a month that no calendar has', 'sync', { tenantId, purpose: 'raw', day: '2026-13-01' }, 'PLACE_INVALID'],
  ['a time for a day', 'sync', { tenantId, purpose: 'raw', day: '2026-11-24T00:00:00Z' }, 'PLACE_INVALID'],
  ['a tenant that is no id', 'timeline', { tenantId: '', purpose: 'text' }, 'PLACE_INVALID'],
  ['an unknown purpose', 'sync', { tenantId, purpose: 'letters:' as never }, 'PURPOSE_UNKNOWN'],
  ['a purpose from the prototype', 'sync', { tenantId, purpose: 'constructor' as never }, 'PURPOSE_UNKNOWN'],
  ['a purpose of another service', 'sync', { tenantId, purpose: 'text' }, 'PURPOSE_DENIED'],
  ['letters of another service', 'sync', { tenantId, purpose: 'letters:timeline', day: '2026-11-24' }, 'PURPOSE_DENIED'],
])('%s is refused', (_, holder, place, code) => {
  expect(() => keyNameOf(holder, place)).toThrow(expect.objectContaining({ code }));
});

test('a row has a name, and a version is a whole number', () => {
  const place: Place = { tenantId, purpose: 'text', row: 'engagement:1' };
  for (const wrong of [{ row: '' }, { row: 'x'.repeat(513) }, { version: 1.5 }, { version: Number.NaN }])
    expect(() => bindingOf({ ...place, ...wrong })).toThrow(expect.objectContaining({ code: 'PLACE_INVALID' }));
});
