// When a mail has left the conversation it cites.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CutFacts, judgeCut } from './cut.js';

const parent: CutFacts = { people: ['ann', 'list'], subject: 'offer', carriesQuote: false, isReport: false };
const child = (facts: Partial<CutFacts>): CutFacts => ({ ...parent, ...facts });

describe('a mail is cut off from the one it cites', () => {
  it.each<[string, Partial<CutFacts>, boolean | 'ask_text', string]>([
    ['if it goes to others and quotes nothing', { people: ['bob'] }, true, 'disjoint_people_no_quote'],
    ['so too with another subject', { people: ['bob'], subject: 'news' }, true, 'disjoint_people_no_quote'],
    [
      'if it goes to others under another subject, and its text is unread',
      { people: ['bob'], subject: 'news', carriesQuote: undefined },
      true,
      'disjoint_people_new_subject',
    ],
    [
      'or its text must tell, if it goes to others under the same subject',
      { people: ['bob'], carriesQuote: undefined },
      'ask_text',
      'disjoint_people_text_unread',
    ],
    ['but not a true forward, which quotes', { people: ['bob'], subject: 'news', carriesQuote: true }, false, 'quotes'],
    ['but not an answer to the same people that quotes nothing', { people: ['ann'], subject: 'news' }, false, 'shared_people'],
    ['but not a reply to all plus one', { people: ['ann', 'bob'] }, false, 'shared_people'],
    ['but not a bounce from elsewhere', { people: ['daemon'], isReport: true }, false, 'report'],
    ['but not a mail among own people alone', { people: [] }, false, 'no_people'],
    [
      'but not a mail to the same list, such as the next patch of a series',
      { people: ['bob', 'list'], subject: 'next' },
      false,
      'shared_people',
    ],
  ])('%s', (_, facts, cut, rule) => {
    expect(judgeCut(child(facts), parent)).toEqual({ cut, rule });
  });

  it('but not where no ancestor is known', () => {
    expect(judgeCut(child({ people: ['bob'] }), undefined)).toEqual({ cut: false, rule: 'no_ancestor' });
  });

  it('and the text once read never overturns a verdict, it only settles an open one', () => {
    const name = fc.subarray(['ann', 'bob', 'eve']);
    const facts = fc.record({
      people: name,
      subject: fc.constantFrom('a', 'b'),
      isReport: fc.boolean(),
    });
    fc.assert(
      fc.property(facts, facts, (one, other) => {
        const verdict = (carriesQuote: boolean | undefined) => judgeCut({ ...one, carriesQuote }, { ...other, carriesQuote: false }).cut;
        expect(verdict(true)).toBe(false);
        if (verdict(undefined) === false) expect(verdict(false)).toBe(false);
        if (verdict(undefined) !== false) expect(verdict(false)).toBe(true);
        expect(typeof verdict(false)).toBe('boolean');
      }),
    );
  });
});
