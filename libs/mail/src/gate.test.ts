// Whom the gate lets through.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CutFacts } from './cut.js';
import { type Candidate, type KnownMail, judgeTracked } from './gate.js';

const facts = (people: string[], carriesQuote: boolean | 'unread' = true): CutFacts => ({
  people,
  lists: [],
  subject: 'offer',
  carriesQuote: carriesQuote === 'unread' ? undefined : carriesQuote,
  isAutomatic: false,
  isPatch: false,
});
const mail = (change: Partial<Candidate>): Candidate => ({
  root: undefined,
  isNeverLogged: false,
  pin: undefined,
  facts: facts(['ann']),
  chain: [],
  ...change,
});
const known = (mails: Record<string, KnownMail>) => (id: string) => (Object.hasOwn(mails, id) ? mails[id] : undefined);
const sent: KnownMail = { tracked: true, cut: false, facts: facts(['ann']) };
const stranger: KnownMail = { tracked: false, cut: false, facts: facts(['ann']) };

describe('the gate', () => {
  it('opens for a root', () => {
    expect(judgeTracked(mail({ root: 'logging_address' }), known({}))).toEqual({
      verdict: 'tracked',
      because: { kind: 'root', root: 'logging_address' },
      via: undefined,
    });
  });

  it('opens for an answer to a tracked mail, also past answers nobody has seen', () => {
    const answer = mail({ chain: ['sent', 'unseen'] });
    expect(judgeTracked(answer, known({ sent }))).toEqual({
      verdict: 'tracked',
      because: { kind: 'answers', rule: 'quotes' },
      via: 'sent',
    });
  });

  it('opens for an answer to a tracked id that nobody has seen', () => {
    const ghost: KnownMail = { tracked: true, cut: false };
    expect(judgeTracked(mail({ chain: ['ghost'] }), known({ ghost }))).toMatchObject({
      verdict: 'tracked',
      because: { rule: 'no_ancestor' },
      via: 'ghost',
    });
  });

  it('compares with the nearest ancestor, not with the tracked one further back', () => {
    const answer: KnownMail = { tracked: false, cut: false, facts: facts(['bob']) };
    expect(judgeTracked(mail({ chain: ['sent', 'answer'], facts: facts(['bob'], false) }), known({ sent, answer }))).toMatchObject({
      verdict: 'tracked',
      because: { rule: 'shared_people' },
    });
  });

  it('stays shut for a mail that names no tracked one', () => {
    expect(judgeTracked(mail({}), known({ sent }))).toMatchObject({ verdict: 'untracked', because: { kind: 'no_chain' } });
    expect(judgeTracked(mail({ chain: ['a', 'b'] }), known({ a: stranger }))).toMatchObject({
      verdict: 'untracked',
      because: { kind: 'no_tracked_ancestor' },
    });
  });

  it('stays shut for a mail that used a tracked one to write to others', () => {
    expect(judgeTracked(mail({ chain: ['sent'], facts: facts(['bob'], false) }), known({ sent }))).toEqual({
      verdict: 'untracked',
      because: { kind: 'cut', rule: 'disjoint_people_no_quote' },
      via: 'sent',
    });
  });

  it('asks for the text where the verdict hangs on it, and only where a tracked mail is named', () => {
    const forward = mail({ chain: ['sent'], facts: facts(['bob'], 'unread') });
    expect(judgeTracked(forward, known({ sent }))).toMatchObject({ verdict: 'only_if_quoting', via: 'sent' });
    expect(judgeTracked(forward, known({ sent: stranger }))).toMatchObject({ verdict: 'untracked' });
  });

  it('stays shut for answers to a mail that was cut off: they name the tracked one, but another conversation lies between', () => {
    const cutOff: KnownMail = { tracked: false, cut: true, facts: facts(['bob'], false) };
    expect(judgeTracked(mail({ chain: ['sent', 'cutOff'], facts: facts(['bob']) }), known({ sent, cutOff }))).toEqual({
      verdict: 'untracked',
      because: { kind: 'behind_a_cut', cutId: 'cutOff' },
      via: undefined,
    });
  });

  it('opens for answers to a cut mail that is tracked for its own sake', () => {
    const cutRoot: KnownMail = { tracked: true, cut: true, facts: facts(['bob'], false) };
    expect(judgeTracked(mail({ chain: ['other', 'cutRoot'], facts: facts(['bob']) }), known({ cutRoot }))).toMatchObject({
      verdict: 'tracked',
      via: 'cutRoot',
    });
  });

  it('waits for an ancestor whose own verdict waits for its text', () => {
    const open: KnownMail = { tracked: false, cut: 'undecided', facts: facts(['bob'], 'unread') };
    expect(judgeTracked(mail({ chain: ['sent', 'open'] }), known({ sent, open }))).toMatchObject({
      verdict: 'untracked',
      because: { kind: 'ancestor_undecided', undecidedId: 'open' },
    });
  });

  it('is shut by a never-log list before anything else, and by a pin before the rest', () => {
    expect(judgeTracked(mail({ root: 'api', pin: 'track', isNeverLogged: true }), known({}))).toMatchObject({
      because: { kind: 'never_logged' },
    });
    expect(judgeTracked(mail({ root: 'api', pin: 'untrack' }), known({}))).toMatchObject({
      verdict: 'untracked',
      because: { kind: 'pinned' },
    });
    expect(judgeTracked(mail({ pin: 'track' }), known({}))).toMatchObject({ verdict: 'tracked', because: { kind: 'pinned' } });
  });

  it('never opens unless the mail is a root, is pinned, or its own chain names a tracked mail', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const someFacts = fc.constantFrom(facts(['ann']), facts(['bob'], false), facts(['eve'], 'unread'), facts([]));
    const someKnown = fc.record({
      tracked: fc.boolean(),
      cut: fc.constantFrom(true, false, 'undecided' as const),
      facts: fc.option(someFacts, { nil: undefined }),
    });
    const world = fc.dictionary(fc.constantFrom(...ids), someKnown);
    fc.assert(
      fc.property(world, fc.subarray(ids), someFacts, (mails, chain, own) => {
        const { verdict, via } = judgeTracked(mail({ chain, facts: own }), known(mails));
        if (verdict === 'untracked') return;
        expect(chain).toContain(via);
        expect(mails[via ?? '']?.tracked).toBe(true);
        const between = chain.slice(chain.indexOf(via ?? '') + 1);
        expect(between.every((id) => (mails[id]?.cut ?? false) === false)).toBe(true);
      }),
    );
  });
});
