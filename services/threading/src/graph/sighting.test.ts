// What several sightings of one mail make of its chain.
import { expect, test } from 'vitest';
import { learn, type Facts } from './sighting.js';

const facts = (chain: string[], kind = 'delivery_report'): Facts => ({
  ...{ tenantId: 't', mailId: 'm', ids: [], from: 'f', recipients: [], subject: 's', root: null, sendId: null, inboxIds: [] },
  ...{ historical: false, seenAt: '2026-11-01', domains: [], receivedAt: null, chain, kind },
});
const chainAfter = (...seen: Facts[]) =>
  learn(
    undefined,
    seen.map((one) => ({ facts: one, isOurs: false })),
  ).facts.chain;

test('a delivery report that was looked into somewhere names the mail it is about, whichever comes first', () => {
  const long = Array.from({ length: 50 }, (_, at) => `${at}`);
  for (const [poor, rich] of [
    [[], ['offer']],
    [['a'], ['a', 'offer']],
    [long, [long[0]!, ...long.slice(2), 'offer']],
  ] as const) {
    expect(chainAfter(facts([...poor]), facts([...rich]))).toEqual(rich);
    expect(chainAfter(facts([...rich]), facts([...poor]))).toEqual(rich);
  }
});

test('of any other mail, later headers add nothing', () => {
  expect(chainAfter(facts(['a'], 'person'), facts(['a', 'offer'], 'person'))).toEqual(['a']);
  expect(chainAfter(facts(['a'], 'person'), facts(['a', 'offer']))).toEqual(['a']);
  expect(chainAfter(facts(['a']), facts(['a', 'offer'], 'person'))).toEqual(['a']);
});
