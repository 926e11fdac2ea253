// The gate over a whole graph: what becomes tracked, and what must not.
import { describe, expect, test } from 'vitest';
import { mail, type Drawn } from '../../test/graphs.js';
import { judge } from './judge.js';

const root: Drawn = { name: 'ours', root: 'sent', people: ['ann'] };

function verdicts(drawn: Drawn[], ghosts: string[] = [], splits: string[] = []): Record<string, string> {
  const judged = judge(drawn.map(mail), { bearers: [], ghosts: new Set(ghosts), splits: new Set(splits) });
  return Object.fromEntries([...judged].map(([name, { verdict }]) => [name, verdict]));
}

describe('a mail is tracked', () => {
  test('if it is a root', () => {
    expect(verdicts([root])).toEqual({ ours: 'tracked' });
  });
  test('if it answers a root, and so is what answers the answer', () => {
    const answers = [
      { name: 'answer', cites: ['ours'] },
      { name: 'again', cites: ['answer'] },
    ];
    expect(verdicts([...answers, root])).toEqual({ ours: 'tracked', answer: 'tracked', again: 'tracked' });
  });
  test('if it cites an id that a person tracked and nobody has seen', () => {
    expect(verdicts([{ name: 'answer', cites: ['ghost'] }], ['ghost'])).toEqual({ answer: 'tracked' });
  });
  test('if it cites a tracked mail and a private one; the private one is not', () => {
    const third = { name: 'third', cites: ['private', 'ours'] };
    expect(verdicts([{ name: 'private' }, third, root])).toEqual({ private: 'untracked', third: 'tracked', ours: 'tracked' });
  });
  test('if a delivery report comes from a mail server', () => {
    expect(verdicts([root, { name: 'bounce', cites: ['ours'], people: ['daemon'], subject: 'undelivered', isReport: true }]).bounce).toBe(
      'tracked',
    );
  });
  test('and says whom it answers', () => {
    const judged = judge([mail(root), mail({ name: 'answer', cites: ['ours'] })], { bearers: [], ghosts: new Set(), splits: new Set() });
    expect([judged.get('answer')!.answers, judged.get('ours')!.answers]).toEqual(['ours', null]);
  });
});

describe('a mail is not tracked', () => {
  test('because tracked mail cites it', () => {
    expect(verdicts([{ name: 'private' }, { ...root, cites: ['private'] }]).private).toBe('untracked');
  });
  test('because it shares a parent nobody has seen with a tracked one', () => {
    expect(
      verdicts([
        { ...root, cites: ['unseen'] },
        { name: 'sibling', cites: ['unseen'] },
      ]).sibling,
    ).toBe('untracked');
  });
  test('because it forges the id of a tracked mail', () => {
    expect(verdicts([root, { name: 'forged', id: 'ours', people: ['eve'] }]).forged).toBe('untracked');
  });
  test('because it and another cite each other', () => {
    const circle = [
      { name: 'one', cites: ['other'] },
      { name: 'other', cites: ['one'] },
    ];
    expect(verdicts(circle)).toEqual({ one: 'untracked', other: 'untracked' });
  });
  test('if it was re-addressed under a new subject; nor is the answer to it', () => {
    const moved = { name: 'moved', cites: ['ours'], people: ['zoe'], subject: 'lunch' };
    const answer = { name: 'answer', cites: ['ours', 'moved'], people: ['zoe'], subject: 'lunch' };
    expect(verdicts([root, moved, answer])).toEqual({ ours: 'tracked', moved: 'untracked', answer: 'untracked' });
  });
});

describe('a mail that nobody but own people is on', () => {
  const among: Drawn = { name: 'among', cites: ['ours'], people: [] };
  test('is not tracked for what it answers, and holds the thread together', () => {
    const [judged] = [judge([mail(root), mail(among)], { bearers: [], ghosts: new Set(), splits: new Set() })];
    expect(judged!.get('among')).toMatchObject({ verdict: 'untracked', cut: 'no', joined: 1 });
  });
  test('is, where such mail is logged or somebody logged it', () => {
    expect(verdicts([root, { ...among, logsInternal: true }]).among).toBe('tracked');
    expect(verdicts([root, { ...among, root: 'logged' }]).among).toBe('tracked');
  });
  test('lets pass who answers it and the tracked mail, and nobody who answers it alone', () => {
    const both = { name: 'both', cites: ['ours', 'among'] };
    const alone = { name: 'alone', cites: ['among'] };
    expect(verdicts([alone, both, among, root])).toEqual({ ours: 'tracked', among: 'untracked', both: 'tracked', alone: 'untracked' });
  });
  test('takes nobody in who was not on the conversation before it', () => {
    const moved = { name: 'moved', cites: ['ours', 'among'], people: ['zoe'] };
    expect(verdicts([root, among, moved]).moved).toBe('asking');
    expect(verdicts([root, among, { ...moved, subject: 'lunch' }]).moved).toBe('untracked');
  });
  test('is not tracked for a contact whose address is own now', () => {
    expect(verdicts([{ ...among, cites: [], isOfContact: true }]).among).toBe('untracked');
  });
});

describe('what was tracked before carries nothing by itself', () => {
  test('where a late ancestor cut it off: who answered it goes with it', () => {
    const between = { name: 'between', cites: ['ours'], people: ['zoe'], subject: 'lunch' };
    const late = { name: 'late', cites: ['ours', 'between'], verdict: 'tracked' as const };
    const answer = { name: 'answer', cites: ['late'], verdict: 'tracked' as const };
    expect(verdicts([root, between, late, answer])).toEqual({
      ours: 'tracked',
      between: 'untracked',
      late: 'untracked',
      answer: 'untracked',
    });
  });
  test('where two cite each other and their root is gone', () => {
    const one = { name: 'one', cites: ['other'], verdict: 'tracked' as const };
    const other = { name: 'other', cites: ['one'], verdict: 'tracked' as const };
    expect(verdicts([one, other])).toEqual({ one: 'untracked', other: 'untracked' });
  });
});

describe('a mail re-addressed under the same subject', () => {
  const moved: Drawn = { name: 'moved', cites: ['ours'], people: ['zoe'] };
  test('is asked for its text', () => expect(verdicts([root, moved]).moved).toBe('asking'));
  test('is tracked if it quotes', () => expect(verdicts([root, { ...moved, carriesQuote: true }]).moved).toBe('tracked'));
  test('is not if it does not', () => expect(verdicts([root, { ...moved, carriesQuote: false }]).moved).toBe('untracked'));
  test('holds back those who answer it until then', () => {
    expect(verdicts([root, moved, { name: 'answer', cites: ['ours', 'moved'], people: ['zoe'] }]).answer).toBe('untracked');
  });
});

test('what a text says decides nothing for others, and holds no thread together, where nobody would ask for it: that it was read was chance', () => {
  const start: Drawn = { name: 'start', people: ['zed'], subject: 'lunch' };
  const left: Drawn = { name: 'left', cites: ['start'] };
  const answer: Drawn = { name: 'answer', cites: ['ours', 'moved'], people: ['zoe'] };
  const judged = [null, true, false].map((carriesQuote) => {
    const moved: Drawn = { name: 'moved', cites: ['ours', 'left'], people: ['zoe'], carriesQuote };
    return judge([root, start, left, moved, answer].map(mail), { bearers: [], ghosts: new Set(), splits: new Set() });
  });
  expect(judged[0]!.get('answer')).toMatchObject({ verdict: 'untracked', joined: 1 });
  expect(judged[0]!.get('moved')).toMatchObject({ verdict: 'untracked', joined: 0 });
  expect(judged[1]).toEqual(judged[0]);
  expect(judged[2]).toEqual(judged[0]);
});

test('a copy forged of our mail takes nothing from those who answer ours', () => {
  const forged = { name: 'forged', id: 'ours', people: ['eve'], subject: 'lunch' };
  expect(verdicts([forged, root, { name: 'answer', cites: ['ours'] }]).answer).toBe('tracked');
});

test('a copy forged of our mail lets nobody in who was not on ours', () => {
  const forged = { name: 'forged', id: 'ours', people: ['zoe'] };
  expect(verdicts([forged, root, { name: 'private', cites: ['ours'], people: ['zoe'], subject: 'lunch' }]).private).toBe('untracked');
});

describe('an id that several mails bear', () => {
  const secret: Drawn = { name: 'secret', people: ['theo'], subject: 'divorce' };
  const follows: Drawn = { name: 'follows', cites: ['secret'], people: ['theo'], subject: 'divorce' };
  const forged: Drawn = { name: 'forged', id: 'secret', cites: ['ours'], people: ['ann'] };
  test('tracks nobody who cites it, though one of them is tracked', () => {
    const all = { ours: 'tracked', forged: 'tracked', secret: 'untracked', follows: 'untracked' };
    expect(verdicts([root, secret, follows, forged])).toEqual(all);
    expect(verdicts([forged, follows, secret, root])).toEqual(all);
  });
  test('lets those through who cite a tracked mail beside it, and they are compared with that one', () => {
    const answer: Drawn = { name: 'answer', cites: ['ours', 'secret'] };
    expect(verdicts([root, secret, forged, answer]).answer).toBe('tracked');
    expect(verdicts([root, secret, forged, { ...answer, people: ['theo'], subject: 'divorce' }]).answer).toBe('untracked');
  });
  test('is that of the mail which a person logged or put with another, and of none beside it', () => {
    for (const own of [{ root: 'logged' as const }, { mergedInto: 'ours' }]) {
      expect(verdicts([root, forged, { ...secret, ...own }, follows]).follows).toBe('tracked');
      expect(verdicts([root, forged, { ...secret, ...own }, { ...follows, people: ['ann'], subject: 'offer' }]).follows).toBe('untracked');
    }
  });
  test('ends the way back if one of them is cut, whoever speaks for it', () => {
    const cut: Drawn = { name: 'cut', id: 'secret', cites: ['ours'], people: ['eve'], subject: 'lunch' };
    const answer: Drawn = { name: 'answer', cites: ['ours', 'secret'] };
    for (const mails of [
      [secret, cut],
      [cut, secret],
    ])
      expect(verdicts([root, ...mails, answer]).answer).toBe('untracked');
    expect(verdicts([root, secret, { ...cut, subject: 'offer' }, answer]).answer).toBe('untracked');
  });
});

test('a tracked mail outside those judged carries them', () => {
  const outside = { ...mail(root), verdict: 'tracked' as const };
  const judged = judge([mail({ name: 'answer', cites: ['ours'] })], { bearers: [outside], ghosts: new Set(), splits: new Set() });
  expect(judged.get('answer')!.verdict).toBe('tracked');
});

describe('a mail that a person split off', () => {
  const split: Drawn = { name: 'split', cites: ['ours'], isSplit: true };
  const answer: Drawn = { name: 'answer', cites: ['ours', 'split'] };
  const judged = judge([root, split, answer].map(mail), { bearers: [], ghosts: new Set(), splits: new Set(['split']) });
  test('is not tracked for what it cites, and holds to none of it', () => {
    expect(judged.get('split')).toMatchObject({ verdict: 'untracked', cut: 'yes', joined: 0 });
  });
  test('takes its answers along', () => expect(judged.get('answer')).toMatchObject({ verdict: 'untracked', joined: 1 }));
  test('stays tracked if it is a root, with those who answer it', () => {
    const own = judge([root, { ...split, root: 'sent' as const }, answer].map(mail), {
      bearers: [],
      ghosts: new Set(),
      splits: new Set(['split']),
    });
    expect(own.get('split')).toMatchObject({ verdict: 'tracked', joined: 0 });
    expect(own.get('answer')).toMatchObject({ verdict: 'tracked', answers: 'split', joined: 1 });
  });
  test('holds its answers back also when nothing else is known of it any more', () => {
    expect(verdicts([root, answer], [], ['split'])).toEqual({ ours: 'tracked', answer: 'untracked' });
  });
  test('is tracked with its answers for the mail that a person then put it with', () => {
    const other: Drawn = { name: 'other', root: 'logged' };
    expect(verdicts([root, other, { ...split, mergedInto: 'other' }, answer], [], ['split'])).toMatchObject({
      split: 'tracked',
      answer: 'tracked',
    });
  });
});

describe('a mail that a person said was not meant to be logged', () => {
  const logged: Drawn = { name: 'logged', root: 'logged', isUnlogged: true };
  const answer: Drawn = { name: 'answer', cites: ['logged'] };
  test('is not tracked, nor are its answers, in whatever order they are asked', () => {
    expect(verdicts([logged, answer])).toEqual({ logged: 'untracked', answer: 'untracked' });
    expect(verdicts([answer, logged])).toEqual({ logged: 'untracked', answer: 'untracked' });
  });
  test('is tracked for the tracked mail that it answers, or was put with, or for who is on it', () => {
    for (const why of [{ cites: ['ours'] }, { mergedInto: 'ours' }, { isOfContact: true }])
      expect(verdicts([{ ...logged, ...why }, root]).logged).toBe('tracked');
  });
  test('is asked for its text where it went to others under the same subject, as one that nobody logged', () => {
    expect(verdicts([{ ...logged, cites: ['ours'], people: ['zoe'] }, root]).logged).toBe('asking');
  });
  test('is tracked all the same if it was sent from the CRM', () => {
    expect(verdicts([{ ...logged, root: 'sent' }, answer])).toEqual({ logged: 'tracked', answer: 'tracked' });
  });
  test('takes nothing from those who answer a forged copy of it: they are not tracked either', () => {
    expect(verdicts([logged, { name: 'forged', id: 'logged', people: ['eve'] }, answer]).answer).toBe('untracked');
  });
});

describe('a mail that a person put with a tracked one', () => {
  test('is tracked, whether it came before that one or beside it, and says whom it belongs with', () => {
    const ancestor: Drawn = { name: 'ancestor', people: ['zoe'], subject: 'lunch', mergedInto: 'ours' };
    const judged = judge([ancestor, { ...root, cites: ['ancestor'] }].map(mail), { bearers: [], ghosts: new Set(), splits: new Set() });
    expect(judged.get('ancestor')).toMatchObject({ verdict: 'tracked', answers: 'ours' });
  });
  test('is tracked over another that was put with it, in whatever order they are asked', () => {
    const chain: Drawn[] = [{ name: 'second', mergedInto: 'first' }, { name: 'first', mergedInto: 'ours' }, root];
    const all = { first: 'tracked', second: 'tracked', ours: 'tracked' };
    expect(verdicts(chain)).toEqual(all);
    expect(verdicts(chain.toReversed())).toEqual(all);
  });
  test('is tracked also if that one is for its contact alone', () => {
    expect(
      verdicts([
        { name: 'theirs', isOfContact: true },
        { name: 'mine', mergedInto: 'theirs' },
      ]).mine,
    ).toBe('tracked');
  });
  test('is not if somebody on it is never logged, nor if somebody on the other is', () => {
    const stopped: Drawn = { name: 'stopped', mergedInto: 'ours', isNeverLogged: true };
    expect(verdicts([root, stopped, { name: 'mine', mergedInto: 'stopped' }])).toEqual({
      ours: 'tracked',
      stopped: 'untracked',
      mine: 'untracked',
    });
  });
  test('is not if they are only put with each other', () => {
    expect(
      verdicts([
        { name: 'one', mergedInto: 'other' },
        { name: 'other', mergedInto: 'one' },
      ]),
    ).toEqual({ one: 'untracked', other: 'untracked' });
  });
  test('does not make that one tracked', () => {
    expect(verdicts([{ name: 'private' }, { ...root, mergedInto: 'private' }])).toEqual({ private: 'untracked', ours: 'tracked' });
  });
});
