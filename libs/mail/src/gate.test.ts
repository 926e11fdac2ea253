// Whom the gate lets through.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CutFacts } from './cut.js';
import { type Candidate, type KnownMail, judgeTracked } from './gate.js';

const facts = (people: string[], carriesQuote: boolean | 'unread' = true): CutFacts => ({
  people,
  subject: 'offer',
  carriesQuote: carriesQuote === 'unread' ? undefined : carriesQuote,
  isReport: false,
});
const mail = (change: Partial<Candidate>): Candidate => ({
  root: undefined,
  isNeverLogged: false,
  pin: undefined,
  logsInternal: false,
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

  describe('for a mail that nobody but own people is on', () => {
    const among = facts([]);
    const internal: KnownMail = { tracked: false, cut: false, facts: among };

    it('stays shut, though it answers a tracked mail, unless such mail is logged', () => {
      const answer = mail({ chain: ['sent'], facts: among });
      expect(judgeTracked(answer, known({ sent }))).toEqual({ verdict: 'untracked', because: { kind: 'internal' }, via: undefined });
      expect(judgeTracked({ ...answer, logsInternal: true }, known({ sent }))).toMatchObject({
        verdict: 'tracked',
        because: { kind: 'answers' },
        via: 'sent',
      });
      expect(judgeTracked(mail({ facts: among, logsInternal: true }), known({ sent }))).toMatchObject({ because: { kind: 'no_chain' } });
    });

    it('opens where a person logged it or put it there, and where a mail server wrote it', () => {
      const because = (change: Partial<Candidate>) =>
        judgeTracked(mail({ chain: ['sent'], facts: among, ...change }), known({ sent })).because;
      expect(because({ root: 'logging_address' })).toEqual({ kind: 'root', root: 'logging_address' });
      expect(because({ pin: 'track' })).toEqual({ kind: 'pinned' });
      expect(because({ facts: { ...among, isReport: true } })).toMatchObject({ kind: 'answers' });
    });

    it('opens for who cites it beside the tracked mail, compared with the nearest mail that somebody outside is on, and for nobody who cites it alone', () => {
      const citing = (people: string[], chain: string[]) =>
        judgeTracked(mail({ chain, facts: facts(people, 'unread') }), known({ sent, internal }));
      expect(citing(['ann'], ['sent', 'internal'])).toMatchObject({ verdict: 'tracked', because: { rule: 'shared_people' }, via: 'sent' });
      expect(citing(['bob'], ['sent', 'internal'])).toMatchObject({ verdict: 'only_if_quoting' });
      expect(citing(['ann'], ['internal'])).toMatchObject({ because: { kind: 'no_tracked_ancestor' } });
      const logged: KnownMail = { ...internal, tracked: true };
      expect(judgeTracked(mail({ chain: ['logged'], facts: facts(['bob'], false) }), known({ logged }))).toMatchObject({
        because: { kind: 'cut' },
      });
    });
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
      fc.property(world, fc.subarray(ids), someFacts, fc.boolean(), (mails, chain, own, logsInternal) => {
        const { verdict, via } = judgeTracked(mail({ chain, facts: own, logsInternal }), known(mails));
        if (verdict === 'untracked') return;
        expect(own.people.length > 0 || logsInternal).toBe(true);
        expect(chain).toContain(via);
        expect(mails[via ?? '']?.tracked).toBe(true);
        const between = chain.slice(chain.indexOf(via ?? '') + 1);
        expect(between.every((id) => (mails[id]?.cut ?? false) === false)).toBe(true);
      }),
    );
  });
});
