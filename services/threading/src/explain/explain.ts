// Tells why a mail is tracked or not: the rule that decided, and what each id that it cites has to do with it.
import type { TrackingRule } from '@rejoinder/contracts/tracking-rules';
import type { TrackedVerdict } from '@rejoinder/mail/gate';
import { rootOf, type GraphMail } from '../graph/graph.js';
import { becauseOf } from '../verdict/announce.js';
import { Judging, type Surroundings } from '../verdict/judge.js';

/** How a mail has left the conversation that it cites. */
type Left = Extract<TrackingRule, 'split' | 'cut_subject' | 'not_quoting' | 'text_unread'>;

/** One id that the mail cites. */
export interface Evidence {
  /** The mail that bears it, a tracked one before others; null where none is known. */
  mailId: string | null;
  tracked: boolean;
  /** How many bear it: senders choose their ids. */
  mails: number;
  /** Why the way back ended here; null where it went on, and of all beyond. */
  ended: 'tracked' | Left | null;
}

export interface Explanation {
  rule: TrackingRule;
  because: string;
  /** Nearest first. */
  evidence: Evidence[];
}

/** Takes mails with their last verdicts, and what is stored around them. */
export function explain(mails: GraphMail[], around: Surroundings): Explanation[] {
  const graph = new Judging(mails, around);
  graph.spread();
  return mails.map((mail) => {
    const rule = ruleOf(mail, graph);
    return { rule, because: wordOf(mail, rule), evidence: evidenceOf(mail, graph, around) };
  });
}

function ruleOf(mail: GraphMail, graph: Judging): TrackingRule {
  if (mail.capture === 'forgotten') return 'forgotten';
  if (graph.judged(mail).byContact) return 'contact';
  const { verdict, because } = graph.why(mail);
  if (verdict === 'untracked' && because.kind !== 'never_logged' && rootOf(mail) !== mail.root) return 'unlogged';
  if (because.kind === 'pinned') return verdict === 'tracked' ? 'pinned' : 'split';
  if (because.kind === 'cut') return because.rule === 'disjoint_people_no_quote' ? 'not_quoting' : 'cut_subject';
  if (because.kind === 'answers') return verdict === 'tracked' ? 'answers' : 'text_unread';
  return rules[because.kind];
}

const rules: Record<Exclude<TrackedVerdict['because']['kind'], 'pinned' | 'cut' | 'answers'>, TrackingRule> = {
  never_logged: 'never_logged',
  root: 'root',
  no_chain: 'no_chain',
  no_tracked_ancestor: 'no_tracked_ancestor',
  internal: 'internal',
  behind_a_cut: 'behind_cut',
  ancestor_undecided: 'behind_unread',
};

const wordsOfTheirOwn: readonly TrackingRule[] = ['never_logged', 'unlogged', 'split', 'not_quoting', 'internal'];

/** The word of MailTracked or MailUntracked; untracked for mail that the CRM never had to do with. */
function wordOf(mail: GraphMail, rule: TrackingRule): string {
  if (mail.verdict === 'tracked') return becauseOf(mail);
  if (wordsOfTheirOwn.includes(rule)) return rule;
  return rule === 'cut_subject' || rule === 'behind_cut' ? 'cut' : 'untracked';
}

function evidenceOf(mail: GraphMail, graph: Judging, { splits }: Surroundings): Evidence[] {
  let isBeyond = false;
  return mail.chain.toReversed().map((id) => {
    const bearers = graph.bearersOf(id, mail).toSorted(trackedFirst);
    const known = graph.known(id, mail);
    const ended = isBeyond ? null : known?.tracked ? 'tracked' : known && known.cut !== false ? howLeft(bearers, splits.has(id)) : null;
    isBeyond ||= ended !== null;
    const tracked = bearers.length === 0 ? known?.tracked === true : bearers[0]!.verdict === 'tracked';
    return { mailId: bearers[0]?.mailId ?? null, tracked, mails: bearers.length, ended };
  });
}

function trackedFirst(one: GraphMail, other: GraphMail): number {
  const rank = ({ verdict, seenAt, mailId }: GraphMail) => `${verdict === 'tracked' ? 0 : 1} ${seenAt} ${mailId}`;
  return rank(one) < rank(other) ? -1 : 1;
}

/** A cut is that of people under a new subject; where only the text could tell, what it told. */
function howLeft(bearers: GraphMail[], isSplit: boolean): Left {
  if (isSplit || bearers.some((bearer) => bearer.isSplit)) return 'split';
  if (bearers.some(({ cut }) => cut === 'yes')) return 'cut_subject';
  return bearers.some(({ carriesQuote }) => carriesQuote === false) ? 'not_quoting' : 'text_unread';
}
