// On whose timelines a mail stands.
import { describe, expect, test } from 'vitest';
import { match, type OnMail, type Person } from './match.js';

const person = (address: string): Person => ({ address, name: '' });
const own = new Set(['me@house.test', 'you@house.test']);
const mail = (more: Partial<OnMail>): OnMail => ({
  source: 'sync',
  kind: 'person',
  knownOnly: false,
  from: person('ann@x.test'),
  to: [person('me@house.test')],
  cc: [],
  bcc: [],
  ...more,
});
const told = (one: OnMail) => {
  const { direction, made, known } = match(one, own);
  return [direction, made.map(({ address }) => address), known.map(({ address }) => address)];
};

describe('a mail stands on the timeline', () => {
  test('of who wrote it, and of those it went to who are contacts', () => {
    const cc = [person('bob@x.test'), person('You@House.test')];
    expect(told(mail({ cc }))).toEqual(['in', ['ann@x.test'], ['bob@x.test']]);
  });
  test('of those it was written to, if we wrote it, and of those copied who are contacts', () => {
    const parts = {
      from: person('Me@house.test'),
      to: [person('ann@x.test'), person('ANN@x.test')],
      cc: [person('ann@x.test'), person('bob@x.test')],
    };
    expect(told(mail(parts))).toEqual(['out', ['ann@x.test'], ['bob@x.test']]);
  });
  test('of nobody among own people', () => {
    expect(told(mail({ from: person('me@house.test'), to: [person('you@house.test')] }))).toEqual(['out', [], []]);
  });
  test('of nobody for an own address with a tag, which makes it ours', () => {
    expect(told(mail({ to: [person('me+shop@house.test')], cc: [person('You+a@House.test')] }))).toEqual(['in', ['ann@x.test'], []]);
    expect(told(mail({ from: person('me+shop@house.test'), to: [person('ann@x.test')] }))).toEqual(['out', ['ann@x.test'], []]);
  });
  test('of those a send went to, blind copies too if they are contacts', () => {
    const parts = {
      source: 'sending' as const,
      from: person('alias@elsewhere.test'),
      to: [person('ann@x.test')],
      bcc: [person('eve@x.test')],
    };
    expect(told(mail(parts))).toEqual(['out', ['ann@x.test'], ['eve@x.test']]);
  });
  test('of nobody new, if a mail server wrote it', () => {
    expect(told(mail({ kind: 'delivery_report', from: person('mailer-daemon@x.test') }))).toEqual(['in', [], ['mailer-daemon@x.test']]);
  });
  test('of contacts alone, if it is there for one of them', () => {
    expect(told(mail({ knownOnly: true, cc: [person('bob@x.test')] }))).toEqual(['in', [], ['ann@x.test', 'bob@x.test']]);
    const out = { from: person('me@house.test'), to: [person('ann@x.test'), person('eve@x.test')] };
    expect(told(mail({ knownOnly: true, ...out }))).toEqual(['out', [], ['ann@x.test', 'eve@x.test']]);
  });
  test('of nobody, if nobody signed it', () => expect(told(mail({ from: undefined }))).toEqual(['in', [], []]));
});
