// Why a mail is tracked or not, told of mails as a person would draw them.
import { describe, expect, test } from 'vitest';
import { mail, type Drawn } from '../../test/graphs.js';
import { judge } from '../verdict/judge.js';
import { explain, type Explanation } from './explain.js';

const ours: Drawn = { name: 'ours', root: 'sent', people: ['ann'] };

/** Of the last of these, once all have been judged. */
function explained(drawn: Drawn[], ghosts: string[] = [], splits: string[] = []): Explanation {
  const said = { ghosts: new Set(ghosts), splits: new Set(splits) };
  const mails = drawn.map(mail);
  const judged = judge(mails, { bearers: [], ...said });
  const after = mails.map((one) => ({ ...one, ...judged.get(one.mailId)! }));
  return explain(after.slice(-1), { bearers: after, ...said })[0]!;
}

const ruleOf = (drawn: Drawn[]) => {
  const { rule, because } = explained(drawn);
  return [rule, because];
};

describe('the rule', () => {
  const moved: Drawn = { name: 'moved', cites: ['ours'], people: ['zoe'] };
  test.each<[string, string, Drawn[]]>([
    ['root', 'sent', [ours]],
    ['answers', 'answers', [ours, { name: 'it', cites: ['ours'] }]],
    ['contact', 'contact', [{ name: 'it', isOfContact: true }]],
    ['pinned', 'pinned', [ours, { name: 'it', mergedInto: 'ours' }]],
    ['text_unread', 'untracked', [ours, moved]],
    ['never_logged', 'never_logged', [ours, { name: 'it', cites: ['ours'], isNeverLogged: true }]],
    ['never_logged', 'never_logged', [ours, { name: 'it', mergedInto: 'ours', isNeverLogged: true }]],
    ['unlogged', 'unlogged', [{ name: 'it', root: 'logged', isUnlogged: true }]],
    ['unlogged', 'unlogged', [ours, { ...moved, subject: 'lunch', root: 'api', isUnlogged: true }]],
    ['answers', 'answers', [ours, { name: 'it', cites: ['ours'], root: 'logged', isUnlogged: true }]],
    ['root', 'sent', [{ ...ours, isUnlogged: true }]],
    ['split', 'split', [ours, { name: 'it', cites: ['ours'], isSplit: true }]],
    ['cut_subject', 'cut', [ours, { ...moved, subject: 'lunch' }]],
    ['not_quoting', 'not_quoting', [ours, { ...moved, carriesQuote: false }]],
    ['internal', 'internal', [ours, { name: 'it', cites: ['ours'], people: [] }]],
    ['no_chain', 'untracked', [{ name: 'it', people: [] }]],
    ['answers', 'answers', [ours, { ...moved, carriesQuote: true }]],
    ['behind_cut', 'cut', [ours, { ...moved, subject: 'lunch' }, { name: 'it', cites: ['ours', 'moved'] }]],
    ['behind_unread', 'untracked', [ours, moved, { name: 'it', cites: ['ours', 'moved'], people: ['zoe'] }]],
    ['no_chain', 'untracked', [{ name: 'it' }]],
    ['no_tracked_ancestor', 'untracked', [{ name: 'private' }, { name: 'it', cites: ['private'] }]],
  ])('%s (%s)', (rule, because, drawn) => expect(ruleOf(drawn)).toEqual([rule, because]));
});

test('of a mail that a person deleted it is that, whatever was decided', () => {
  const [deleted] = explain([{ ...mail(ours), verdict: 'tracked', capture: 'forgotten' }], {
    bearers: [],
    ghosts: new Set(),
    splits: new Set(),
  });
  expect(deleted!.rule).toBe('forgotten');
});

describe('the evidence', () => {
  test('is what the mail cites, nearest first, and ends at the tracked mail', () => {
    const { evidence } = explained([ours, { name: 'between' }, { name: 'it', cites: ['first', 'ours', 'unseen', 'between'] }]);
    expect(evidence).toEqual([
      { mailId: 'between', tracked: false, mails: 1, ended: null },
      { mailId: null, tracked: false, mails: 0, ended: null },
      { mailId: 'ours', tracked: true, mails: 1, ended: 'tracked' },
      { mailId: null, tracked: false, mails: 0, ended: null },
    ]);
  });
  test('ends at a mail that left, and says how', () => {
    const moved: Drawn = { name: 'moved', cites: ['ours'], people: ['zoe'] };
    const it: Drawn = { name: 'it', cites: ['ours', 'moved'], people: ['zoe'] };
    const ends = (left: Drawn, splits: string[] = []) => explained([ours, left, it], [], splits).evidence.map(({ ended }) => ended);
    expect(ends({ ...moved, subject: 'lunch' })).toEqual(['cut_subject', null]);
    expect(ends(moved)).toEqual(['text_unread', null]);
    expect(ends({ ...moved, carriesQuote: false })).toEqual(['not_quoting', null]);
    expect(ends({ ...moved, isSplit: true }, ['moved'])).toEqual(['split', null]);
    expect(explained([ours, it], [], ['moved']).evidence[0]).toEqual({ mailId: null, tracked: false, mails: 0, ended: 'split' });
  });
  test('tells of an id that a person tracked and nobody has seen, and of one that several mails bear', () => {
    const forged: Drawn = { name: 'forged', id: 'ours', people: ['eve'] };
    expect(explained([{ name: 'it', cites: ['ghost'] }], ['ghost']).evidence).toEqual([
      { mailId: null, tracked: true, mails: 0, ended: 'tracked' },
    ]);
    expect(explained([forged, ours, { name: 'it', cites: ['ours'] }]).evidence).toEqual([
      { mailId: 'ours', tracked: true, mails: 2, ended: 'tracked' },
    ]);
  });
});
