// The gate over a whole graph: what becomes tracked, and what must not.
import { describe, expect, test } from 'vitest';
import { mail, type Drawn } from '../../test/graphs.js';
import { judge } from './judge.js';

const root: Drawn = { name: 'ours', root: 'sent', people: ['ann'] };

function verdicts(drawn: Drawn[], ghosts: string[] = []): Record<string, string> {
  const judged = judge(drawn.map(mail), { bearers: [], ghosts: new Set(ghosts) });
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
  test('if an automatic answer comes from another address', () => {
    expect(verdicts([root, { name: 'away', cites: ['ours'], people: ['robot'], isAutomatic: true }]).away).toBe('tracked');
  });
  test('and says whom it answers', () => {
    const judged = judge([mail(root), mail({ name: 'answer', cites: ['ours'] })], { bearers: [], ghosts: new Set() });
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
    return judge([root, start, left, moved, answer].map(mail), { bearers: [], ghosts: new Set() });
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

test('a tracked mail outside those judged carries them', () => {
  const outside = { ...mail(root), verdict: 'tracked' as const };
  const judged = judge([mail({ name: 'answer', cites: ['ours'] })], { bearers: [outside], ghosts: new Set() });
  expect(judged.get('answer')!.verdict).toBe('tracked');
});
