// The gate: whether a mail is tracked, and so may be read (DESIGN.md §5).
import { type CutFacts, type CutRule, judgeCut } from './cut.js';

/** How a mail came to be of the CRM by itself. */
export type Root = 'sent_from_crm' | 'logging_address' | 'keyword' | 'folder' | 'api';

export interface Candidate {
  /** Set where the mail is a root. */
  root: Root | undefined;
  /** Someone on it stands on a never-log list. */
  isNeverLogged: boolean;
  /** A person's decision about this very mail. */
  pin: 'track' | 'untrack' | undefined;
  /** Mail that nobody but own people is on is logged, if this is such. */
  logsInternal: boolean;
  facts: CutFacts;
  /** Its own chain, oldest first (`settleChain`). */
  chain: readonly string[];
}

/** What is known of an id that a chain names. An id nobody has seen has no facts, but may be tracked (a ghost). */
export interface KnownMail {
  tracked: boolean;
  /** Absent while the mail itself has not been seen. */
  facts?: CutFacts | undefined;
  /** `undecided`: its own verdict waits for its text. A pin that splits is a cut. */
  cut: boolean | 'undecided';
}

export type TrackedBecause =
  | { kind: 'never_logged' }
  | { kind: 'pinned' }
  | { kind: 'root'; root: Root }
  | { kind: 'no_chain' }
  | { kind: 'no_tracked_ancestor' }
  | { kind: 'behind_a_cut'; cutId: string }
  | { kind: 'ancestor_undecided'; undecidedId: string }
  | { kind: 'internal' }
  | { kind: 'cut'; rule: CutRule }
  | { kind: 'answers'; rule: CutRule };

export interface TrackedVerdict {
  verdict: 'tracked' | 'untracked' | 'only_if_quoting';
  because: TrackedBecause;
  /** The id in the chain that is tracked, where there is one. */
  via: string | undefined;
}

/**
 * Takes a mail and what is known of the ids in its chain.
 * Gives whether it is tracked, and why. Never-log wins over everything, a pin over the rest. Otherwise: a root is; a mail whose own
 * effective chain names a tracked mail is, unless it is cut, or internal where such mail is not logged. Who cites the mail is not an input: nothing is
 * tracked because another mail names it. When a known mail changes, the mails that cite it are judged again by the caller. At most two look-ups of
 * each id in the chain.
 */
export function judgeTracked(mail: Candidate, known: (id: string) => KnownMail | undefined): TrackedVerdict {
  if (mail.isNeverLogged) return untracked({ kind: 'never_logged' });
  if (mail.pin !== undefined)
    return { verdict: mail.pin === 'track' ? 'tracked' : 'untracked', because: { kind: 'pinned' }, via: undefined };
  if (mail.root !== undefined) return { verdict: 'tracked', because: { kind: 'root', root: mail.root }, via: undefined };
  const reach = reachOf(mail.chain, known);
  if (reach.via === undefined) return untracked(reach.because);
  if (!mail.logsInternal && isInternal(mail.facts)) return untracked({ kind: 'internal' });
  const { cut, rule } = judgeCut(mail.facts, nearestAncestor(mail.chain, known));
  if (cut === true) return { verdict: 'untracked', because: { kind: 'cut', rule }, via: reach.via };
  return { verdict: cut === 'ask_text' ? 'only_if_quoting' : 'tracked', because: { kind: 'answers', rule }, via: reach.via };
}

/**
 * Nobody but own people is on it: mail among members, also to recipients that it does not name. A delivery report is none: it says
 * what became of a mail that went out.
 */
export function isInternal({ people, isReport }: Pick<CutFacts, 'people' | 'isReport'>): boolean {
  return people.length === 0 && !isReport;
}

/**
 * The ancestor that a mail is compared with: the nearest one that is known and that somebody outside is on, since with internal mail nothing can be
 * shared; else the nearest that is known. A tracked id that nobody has seen ends the search.
 */
export function nearestAncestor(
  chain: readonly string[],
  known: (id: string) => Pick<KnownMail, 'tracked' | 'facts'> | undefined,
): CutFacts | undefined {
  let nearest: CutFacts | undefined;
  for (const id of chain.toReversed()) {
    const ancestor = known(id);
    if (!ancestor) continue;
    const { facts, tracked } = ancestor;
    if (facts && facts.people.length > 0) return facts;
    if (!facts && tracked) return nearest;
    nearest ??= facts;
  }
  return nearest;
}

type Reach = { via: string } | { via: undefined; because: TrackedBecause };

/** Walks the chain from the nearest ancestor back, up to and including the first one that is cut: beyond it is another conversation. */
function reachOf(chain: readonly string[], known: (id: string) => KnownMail | undefined): Reach {
  for (const id of chain.toReversed()) {
    const ancestor = known(id);
    if (!ancestor) continue;
    if (ancestor.tracked) return { via: id };
    if (ancestor.cut === true) return { via: undefined, because: { kind: 'behind_a_cut', cutId: id } };
    if (ancestor.cut === 'undecided') return { via: undefined, because: { kind: 'ancestor_undecided', undecidedId: id } };
  }
  return { via: undefined, because: { kind: chain.length === 0 ? 'no_chain' : 'no_tracked_ancestor' } };
}

function untracked(because: TrackedBecause): TrackedVerdict {
  return { verdict: 'untracked', because, via: undefined };
}
