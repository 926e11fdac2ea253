// Chains, gate and cut on the reply graphs of two public lists and the made-up cases of a threading library.
import { describe, expect, it } from 'vitest';
import { type Chain, chainOf, settleChain } from '../src/chain.js';
import { type CutFacts, judgeCut } from '../src/cut.js';
import { type KnownMail, judgeTracked } from '../src/gate.js';
import { canonicalMessageId } from '../src/message-id.js';
import { baseSubject, isPatch } from '../src/subject.js';
import { components, corporaExist, corpusFiles, readCorpus } from './corpus.js';

interface Skeleton {
  id: string;
  references: string[];
  inReplyTo: string[];
  subject: string;
  date: number;
  participants: string[];
  quotesParent: boolean | null;
  expected: { components: string };
}

const header = (ids: readonly string[]) => ids.map((id) => `<${id}>`).join(' ');
const chainOfSkeleton = (mail: Skeleton): Chain =>
  chainOf({
    messageId: header([mail.id]),
    references: header(mail.references),
    inReplyTo: header(mail.inReplyTo),
    addresses: mail.participants,
  });

function settled(mails: readonly Skeleton[]): Map<string, string[]> {
  const known = new Set(mails.flatMap((mail) => [mail.id, ...mail.references]));
  return new Map(mails.map((mail) => [mail.id, settleChain(chainOfSkeleton(mail), (id) => known.has(id))]));
}

/** The list's own address is on nearly every mail of it. */
function listsOf(mails: readonly Skeleton[]): Set<string> {
  const counts = new Map<string, number>();
  for (const one of mails.flatMap((mail) => mail.participants)) counts.set(one, (counts.get(one) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count > mails.length / 2).map(([one]) => one));
}

const factsOf = (mail: Skeleton, lists: ReadonlySet<string>): CutFacts => ({
  people: mail.participants.filter((one) => !lists.has(one)),
  lists: mail.participants.filter((one) => lists.has(one)),
  subject: baseSubject(mail.subject),
  carriesQuote: mail.quotesParent ?? undefined,
  isAutomatic: false,
  isPatch: isPatch(mail.subject),
});

const corpora = corpusFiles('thread-skeletons', /\.jsonl$/);

describe.runIf(corporaExist).each(corpora)('in %s', (path) => {
  const lines = corporaExist ? readCorpus(path).toString('utf8').trim().split('\n') : [];
  const mails = lines.map((line) => JSON.parse(line) as Skeleton);
  const chains = settled(mails);
  const lists = listsOf(mails);
  const facts = new Map(mails.map((mail) => [mail.id, factsOf(mail, lists)]));
  const nearest = (mail: Skeleton) => chains.get(mail.id)?.findLast((id) => facts.has(id));

  it('the components of the chains are the expected threads', () => {
    const groups = components(chains);
    const ours = new Map(
      mails.map((mail) => [mail.id, mails.filter((other) => groups.get(mail.id)?.has(other.id)).map((other) => other.id)]),
    );
    for (const mail of mails) {
      const theirs = mails.filter((other) => other.expected.components === mail.expected.components).map((other) => other.id);
      expect(ours.get(mail.id), mail.id).toEqual(theirs);
    }
  });

  it('no genuine answer is cut', () => {
    const cut = mails.filter((mail) => judgeCut(factsOf(mail, lists), facts.get(nearest(mail) ?? '')).cut !== false);
    expect(cut.map((mail) => mail.id)).toEqual([]);
  });

  it('with each first mail tracked, the gate opens for every descendant and for nothing else', () => {
    const isRoot = (mail: Skeleton) => chains.get(mail.id)?.length === 0;
    const known = new Map<string, KnownMail>();
    const truth = new Map<string, boolean>();
    for (const mail of mails.toSorted((one, other) => one.date - other.date)) {
      const chain = chains.get(mail.id) ?? [];
      const root = isRoot(mail) && Number.parseInt(mail.id, 16) % 2 === 0 ? 'api' : undefined;
      const own = factsOf(mail, lists);
      const { verdict } = judgeTracked({ root, isNeverLogged: false, pin: undefined, facts: own, chain }, (id) => known.get(id));
      known.set(mail.id, { tracked: verdict === 'tracked', cut: false, facts: own });
      truth.set(mail.id, root !== undefined || chain.some((id) => truth.get(id) === true));
    }
    expect([...truth.values()].filter(Boolean).length).toBeGreaterThan(5);
    for (const mail of mails) expect(known.get(mail.id)?.tracked, mail.id).toBe(truth.get(mail.id));
  });

  describe('a mail made from a real one', () => {
    const parents = mails.filter((mail) => (facts.get(mail.id)?.people.length ?? 0) > 0 && !isPatch(mail.subject)).slice(0, 25);
    const parentFacts = (mail: Skeleton) => factsOf(mail, lists);
    const verdicts = (make: (mail: Skeleton) => Partial<Skeleton>) =>
      parents.map((mail) => judgeCut(factsOf({ ...mail, ...make(mail) }, new Set()), parentFacts(mail)).cut);

    it.each<[string, (mail: Skeleton) => Partial<Skeleton>, boolean | 'ask_text']>([
      [
        '"Fwd: same" to a fresh address, the text removed, leaves',
        (mail) => ({ subject: `Fwd: ${mail.subject}`, participants: ['new@x'], quotesParent: false }),
        true,
      ],
      ['a new subject to a fresh address leaves', () => ({ subject: 'news', participants: ['new@x'], quotesParent: false }), true],
      [
        '"Re:" to a fresh address leaves',
        (mail) => ({ subject: `Re: ${mail.subject}`, participants: ['new@x'], quotesParent: false }),
        true,
      ],
      ['a true forward stays', (mail) => ({ subject: `Fwd: ${mail.subject}`, participants: ['new@x'], quotesParent: true }), false],
      ['a reply to all plus one stays', (mail) => ({ participants: [...mail.participants, 'new@x'], quotesParent: false }), false],
      ['an unquoted answer to the same people stays', () => ({ subject: 'news', quotesParent: false }), false],
      [
        '"Fwd: same" to a fresh address, the text unread, asks',
        (mail) => ({ subject: `Fwd: ${mail.subject}`, participants: ['new@x'], quotesParent: null }),
        'ask_text',
      ],
    ])('%s', (_, make, cut) => {
      expect(parents.length).toBeGreaterThan(10);
      expect(new Set(verdicts(make))).toEqual(new Set([cut]));
    });
  });
});

interface Conformance {
  name: string;
  input: { id: string; message_id: string | null; in_reply_to: string | null; references: string[] }[];
  expected: { threads: { messages: string[] }[] };
}

/**
 * What is decided otherwise here: no joining by subject (its precision is 0.54 on real mail); an id in References and another in In-Reply-To
 * join both threads, where a tree must choose one parent; ids that differ in quoting are two ids.
 */
const OTHERWISE =
  /subject-(?:fallback|prefixes|blob|trailer|forward|whitespace)|localized-subject|allow-subject-fallback|conflicting-references|reparents-to-last|preserves-existing-parent|quoted-local/;
const cases = corpusFiles('mail-threading/conformance', /\.json$/);

describe.runIf(corporaExist)('of the conformance cases of threading by ids', () => {
  it.each(cases.filter((path) => !OTHERWISE.test(path)))('%s', (path) => {
    const { input, expected } = JSON.parse(readCorpus(path).toString('utf8')) as Conformance;
    const ids = new Map<string, string>();
    for (const mail of input) {
      const id = canonicalMessageId(mail.message_id ?? '') ?? mail.id;
      ids.set(ids.has(id) ? `second ${id}` : id, mail.id);
    }
    const chains = new Map(
      [...ids.keys()].map((key, at) => {
        const mail = input[at];
        const references = mail?.references.join(' ');
        return [key, chainOf({ messageId: mail?.message_id ?? undefined, references, inReplyTo: mail?.in_reply_to ?? undefined }).ids];
      }),
    );
    const members = (group: Iterable<string>) => [...group].flatMap((key) => ids.get(key) ?? []).sort();
    const ours = new Set([...components(chains).values()].map((group) => members(group).join(' ')));
    const theirs = expected.threads.map((thread) => thread.messages.toSorted().join(' '));
    expect([...ours].filter(Boolean).sort()).toEqual(theirs.filter(Boolean).sort());
  });
});
