// Events of one mail in any order, and more than once, give the same.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isVisible, learn, type MailState, type Told } from './mail-state.js';

const nothing: MailState = {
  tenantId: 't',
  mailId: 'm',
  knownSince: '2026-11-24T00:00:00Z',
  version: 0,
  source: null,
  sendId: null,
  inboxId: null,
  threadId: null,
  kind: 'person',
  occurredAt: null,
  sentAt: null,
  sendState: '',
  sendReason: '',
  sendRevision: 0,
  sealedFacts: null,
  sealedText: null,
  textState: 'none',
  textTruncated: false,
  trackedRevision: 0,
  untrackedRevision: 0,
  capturedRevision: 0,
  direction: null,
  toPlace: false,
  forgotten: false,
  historical: false,
  knownOnly: false,
  reasonRevision: 0,
};

const captured = (revision: number): Told => {
  return {
    kind: 'captured',
    revision,
    threadId: 'a',
    inboxId: 'i',
    mailKind: 'person',
    occurredAt: '2026-11-24',
    textTruncated: false,
    sealedFacts: '\\x01',
    historical: false,
  };
};
const tracked = (revision: number, threadId = 'a'): Told => ({ kind: 'tracked', revision, threadId, knownOnly: revision % 2 === 0 });
const untracked = (revision: number): Told => ({ kind: 'untracked', revision });
const accepted: Told = { kind: 'accepted', sendId: 's', inboxId: 'i', occurredAt: '2026-11-23', sealedFacts: '\\x02' };
const send = (revision: number, state: 'sent' | 'failed' | 'unconfirmed'): Told => {
  return { kind: 'send', revision, state, reason: '', sentAt: state === 'sent' ? '2026-11-24' : null, sendId: 's', inboxId: 'i' };
};

const fold = (told: Told[]) => told.reduce(learn, nothing);
/** What counts: whether the worker is due is no part of it, since it always is when something is to be placed. */
const seen = (mail: MailState) => ({ ...mail, toPlace: false, isVisible: isVisible(mail) });

describe('a mail', () => {
  test('stands on a timeline once it was captured, whether or not threading was heard', () => {
    expect(isVisible(fold([captured(1)]))).toBe(true);
    expect(isVisible(fold([tracked(1)]))).toBe(false);
  });
  test('is withdrawn with what was read of it, and comes back when it is read anew', () => {
    const gone = fold([captured(1), tracked(1), untracked(2)]);
    expect([isVisible(gone), gone.sealedFacts]).toEqual([false, null]);
    expect(isVisible(learn(learn(gone, tracked(3)), captured(1)))).toBe(false);
    expect(isVisible(learn(learn(gone, tracked(3)), captured(3)))).toBe(true);
  });
  test('that was asked for its text stands only once the answer was judged', () => {
    const asked = fold([captured(1), tracked(1), untracked(2), captured(2)]);
    expect(isVisible(asked)).toBe(false);
    expect(isVisible(learn(asked, tracked(3)))).toBe(true);
  });
  test('that we sent stands whatever is said of its tracking', () => expect(isVisible(fold([accepted, untracked(9)]))).toBe(true));
  test('that is forgotten learns nothing', () => {
    const forgotten = { ...nothing, forgotten: true };
    expect([captured(9), tracked(9), accepted, send(9, 'sent')].reduce(learn, forgotten)).toBe(forgotten);
  });
  test('asks for its place each time it appears or goes', () => {
    const placed = { ...fold([captured(1)]), toPlace: false };
    expect([learn(placed, captured(1)).toPlace, learn(placed, tracked(2)).toPlace, learn(placed, untracked(2)).toPlace]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

test('the order of events and how often they come do not count', () => {
  const told = fc.oneof(
    fc.integer({ min: 1, max: 4 }).map((revision) => captured(revision)),
    fc.integer({ min: 1, max: 4 }).map((revision) => tracked(revision, `t${revision}`)),
    fc.integer({ min: 1, max: 4 }).map((revision) => untracked(revision)),
    fc.constant(accepted),
    fc
      .tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom('sent' as const, 'failed' as const, 'unconfirmed' as const))
      .map(([revision, state]) => send(revision, state)),
  );
  const property = fc.property(fc.array(told, { maxLength: 8 }), fc.infiniteStream(fc.nat()), (events, order) => {
    const again = [...events, ...events.slice(0, 3)].map((one) => ({ one, at: order.next().value! })).sort((a, b) => a.at - b.at);
    expect(seen(fold(again.map(({ one }) => one)))).toEqual(seen(fold(events)));
  });
  fc.assert(property, { numRuns: 3_000 });
});
