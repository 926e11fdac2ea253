// On whose timelines a mail stands.
import { describe, expect, test } from 'vitest';
import { match, type OnMail, type Person, type PlacingRules } from './match.js';

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
const usual: PlacingRules = { makeContacts: 'everyone', logsInternal: false };
const told = (one: OnMail, rules: Partial<PlacingRules> = {}) => {
  const { direction, made, known } = match(one, own, { ...usual, ...rules });
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
  test('of nobody new, if a mail server or a program wrote it', () => {
    expect(told(mail({ kind: 'auto_reply', from: person('robot@x.test') }))).toEqual(['in', [], ['robot@x.test']]);
    expect(told(mail({ kind: 'delivery_report', from: person('mailer-daemon@x.test') }))).toEqual(['in', [], ['mailer-daemon@x.test']]);
  });
  test('of those whom a delivery report tells of, if they are contacts', () => {
    const report = { from: person('mailer-daemon@x.test'), reported: [person('ann@x.test'), person('me@house.test')] };
    expect(told(mail({ ...report, kind: 'delivery_report' }))).toEqual(['in', [], ['mailer-daemon@x.test', 'ann@x.test']]);
  });
  test('of contacts alone, if it is there for one of them', () => {
    expect(told(mail({ knownOnly: true, cc: [person('bob@x.test')] }))).toEqual(['in', [], ['ann@x.test', 'bob@x.test']]);
    const out = { from: person('me@house.test'), to: [person('ann@x.test'), person('eve@x.test')] };
    expect(told(mail({ knownOnly: true, ...out }))).toEqual(['out', [], ['ann@x.test', 'eve@x.test']]);
  });
  test('of those our people wrote to and of contacts alone, if the settings let nobody make himself a contact', () => {
    const cc = [person('bob@x.test')];
    const out = mail({ from: person('me@house.test'), to: [person('ann@x.test')], cc });
    expect(told(mail({ cc }), { makeContacts: 'written_to' })).toEqual(['in', [], ['ann@x.test', 'bob@x.test']]);
    expect(told(out, { makeContacts: 'written_to' })).toEqual(['out', ['ann@x.test'], ['bob@x.test']]);
    const send = { ...out, source: 'sending' as const };
    for (const one of [out, send]) expect(told(one, { makeContacts: 'nobody' })).toEqual(['out', [], ['ann@x.test', 'bob@x.test']]);
  });
  describe('of each of our own people on it, if mail among them is logged', () => {
    const from = person('Me+a@house.test');
    const logged = { logsInternal: true, makeContacts: 'nobody' as const };
    test('and nobody else is on it', () => {
      const among = mail({ from, to: [person('You@house.test')], cc: [person('you+b@house.test')], bcc: [person('me@house.test')] });
      expect(told(among, logged)).toEqual(['out', ['me@house.test', 'you@house.test'], []]);
      expect(told(mail({ from, to: [] }), logged)).toEqual(['out', ['me@house.test'], []]);
    });
    test('but not with somebody else, nor if nobody of them wrote it', () => {
      const cc = [person('you@house.test')];
      expect(told(mail({ from, to: [person('ann@x.test')], cc }), { logsInternal: true })).toEqual(['out', ['ann@x.test'], []]);
      expect(told(mail({ cc }), { logsInternal: true })).toEqual(['in', ['ann@x.test'], []]);
      expect(told(mail({ from: undefined }), { logsInternal: true })).toEqual(['in', [], []]);
    });
    test('a send from another address of ours stands with those it went to', () => {
      const send = mail({ source: 'sending', from: person('alias@elsewhere.test'), to: [person('you@house.test')] });
      expect(told(send, { logsInternal: true })).toEqual(['out', ['you@house.test'], []]);
    });
  });
  test('of nobody, if nobody signed it', () => expect(told(mail({ from: undefined }))).toEqual(['in', [], []]));
});
