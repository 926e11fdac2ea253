// What a change of a tenant's logging does, and what it refuses.
import { expect, it } from 'vitest';
import { changedLogging, readMakeContacts, type LoggingRow } from './logging.js';

const now = new Date('2026-11-30T12:00:00Z');
const usual: LoggingRow = { makeContacts: 'everyone', logInternal: false, internalUntil: null };

it('what is left out stays, and what is the same changes nothing', () => {
  expect(changedLogging(usual, {}, now)).toBeUndefined();
  expect(changedLogging(usual, { makeContacts: 'everyone', logInternal: false }, now)).toBeUndefined();
  expect(changedLogging(usual, { makeContacts: 'nobody' }, now)).toEqual({ ...usual, makeContacts: 'nobody' });
});

it('internal mail that is logged no more was logged until now', () => {
  const on = changedLogging(usual, { logInternal: true }, now);
  expect(on).toEqual({ ...usual, logInternal: true });
  const off = changedLogging(on!, { logInternal: false }, now);
  expect(off).toEqual({ ...usual, internalUntil: now });
  expect(changedLogging(off!, { makeContacts: 'written_to' }, new Date())).toEqual({ ...off, makeContacts: 'written_to' });
});

it('a policy that nobody knows is refused', () => {
  expect(readMakeContacts('written_to')).toBe('written_to');
  expect(readMakeContacts(undefined)).toBeUndefined();
  expect(() => readMakeContacts('some')).toThrow(expect.objectContaining({ code: 'MAKE_CONTACTS_INVALID' }) as Error);
});
