// Gate and cut on the reply graphs of two public lists.
import { describe, expect, it } from 'vitest';
import { type Chain, chainOf, settleChain } from '../src/chain.js';
import { type CutFacts, judgeCut } from '../src/cut.js';
import { type KnownMail, judgeTracked } from '../src/gate.js';
import { baseSubject } from '../src/subject.js';
import { corporaExist, corpusFiles, readCorpus } from './corpus.js';

interface Skeleton {
  id: string;
  references: string[];
  inReplyTo: string[];
  subject: string;
  date: number;
  participants: string[];
  quotesParent: boolean | null;
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

const factsOf = (mail: Skeleton): CutFacts => ({
  people: mail.participants,
  subject: baseSubject(mail.subject),
  carriesQuote: mail.quotesParent ?? undefined,
  isReport: false,
});

const corpora = corpusFiles('thread-skeletons', /\.jsonl$/);

describe.runIf(corporaExist).each(corpora)('in %s', (path) => {
  const lines = corporaExist ? readCorpus(path).toString('utf8').trim().split('\n') : [];
  const mails = lines.map((line) => JSON.parse(line) as Skeleton);
  const chains = settled(mails);
  const facts = new Map(mails.map((mail) => [mail.id, factsOf(mail)]));
  const nearest = (mail: Skeleton) => chains.get(mail.id)?.findLast((id) => facts.has(id));

  it('no genuine answer is cut', () => {
    const cut = mails.filter((mail) => judgeCut(factsOf(mail), facts.get(nearest(mail) ?? '')).cut !== false);
    expect(cut.map((mail) => mail.id)).toEqual([]);
  });

  it('with each first mail tracked, the gate opens for every descendant and for nothing else', () => {
    const isRoot = (mail: Skeleton) => chains.get(mail.id)?.length === 0;
    const known = new Map<string, KnownMail>();
    const truth = new Map<string, boolean>();
    for (const mail of mails.toSorted((one, other) => one.date - other.date)) {
      const chain = chains.get(mail.id) ?? [];
      const root = isRoot(mail) && Number.parseInt(mail.id, 16) % 2 === 0 ? 'api' : undefined;
      const own = factsOf(mail);
      const { verdict } = judgeTracked({ root, isNeverLogged: false, pin: undefined, logsInternal: false, facts: own, chain }, (id) =>
        known.get(id),
      );
      known.set(mail.id, { tracked: verdict === 'tracked', cut: false, facts: own });
      truth.set(mail.id, root !== undefined || chain.some((id) => truth.get(id) === true));
    }
    expect([...truth.values()].filter(Boolean).length).toBeGreaterThan(5);
    for (const mail of mails) expect(known.get(mail.id)?.tracked, mail.id).toBe(truth.get(mail.id));
  });
});
