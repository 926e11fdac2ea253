// Judges mails whose ground has changed, together: which of them are tracked, asked for their text, or none of the CRM's business.
import {
  isInternal,
  judgeTracked,
  nearestAncestor,
  type Candidate,
  type KnownMail,
  type Root,
  type TrackedVerdict,
} from '@rejoinder/mail/gate';
import { judgeCut, type CutFacts } from '@rejoinder/mail/cut';
import { rootOf, type Cut, type GraphMail, type RootReason } from '../graph/graph.js';

/** What is stored around the mails that are judged. */
export interface Surroundings {
  /** Every stored mail that bears an id which a judged mail cites, or that a person put one with. */
  bearers: GraphMail[];
  /** Ids that a person tracked and nobody has seen. */
  ghosts: ReadonlySet<string>;
  /** Ids of mails that a person split off, known or not any more. */
  splits: ReadonlySet<string>;
}

export type Judged = Pick<GraphMail, 'verdict' | 'cut' | 'joined' | 'answers' | 'byContact'>;

const nobody: GraphMail[] = [];
const gateRoots: Record<RootReason, Root> = { sent: 'sent_from_crm', logged: 'keyword', api: 'api' };

/**
 * Takes mails and their surroundings; the mails must hold all that cite one of them. Gives a verdict for each. What is tracked is the least
 * set that follows from the roots: mails that only cite each other track nothing, and the order in which anything arrived does not count.
 */
export function judge(mails: GraphMail[], around: Surroundings): Map<string, Judged> {
  const graph = new Judging(mails, around);
  graph.spread();
  return new Map(mails.map((mail) => [mail.mailId, graph.judged(mail)]));
}

export class Judging {
  readonly #own: Map<string, GraphMail>;
  readonly #bearers = new Map<string, GraphMail[]>();
  readonly #citers = new Map<string, GraphMail[]>();
  /** By the mail that a person put them with. */
  readonly #merged = new Map<string, GraphMail[]>();
  readonly #targets: Map<string, GraphMail>;
  readonly #cuts = new Map<string, Cut>();
  readonly #tracked = new Set<string>();

  constructor(
    private readonly mails: GraphMail[],
    private readonly around: Surroundings,
  ) {
    this.#own = new Map(mails.map((mail) => [mail.mailId, mail]));
    const outside = around.bearers.filter((bearer) => !this.#own.has(bearer.mailId));
    for (const mail of [...mails, ...outside]) for (const id of mail.ids) push(this.#bearers, id, mail);
    for (const mail of mails) {
      for (const id of mail.chain) push(this.#citers, id, mail);
      if (mail.mergedInto !== null) push(this.#merged, mail.mergedInto, mail);
    }
    this.#targets = new Map([...outside, ...mails].map((mail) => [mail.mailId, mail]));
    for (const mail of outside) {
      this.#cuts.set(mail.mailId, mail.cut);
      if (mail.verdict === 'tracked' && !mail.byContact) this.#tracked.add(mail.mailId);
    }
  }

  /** From what is certainly tracked to those that follow it, until nothing is added; each mail comes up once for itself and once for each it follows. */
  spread(): void {
    const queue = [...this.mails];
    for (let mail = queue.pop(); mail; mail = queue.pop()) {
      if (this.#tracked.has(mail.mailId) || this.#ask(mail)?.verdict !== 'tracked') continue;
      this.#tracked.add(mail.mailId);
      for (const id of mail.ids) queue.push(...(this.#citers.get(id) ?? []));
      queue.push(...(this.#merged.get(mail.mailId) ?? []));
    }
  }

  judged(mail: GraphMail): Judged {
    const asked = this.#ask(mail);
    // It says that this mail may be read, and nothing of those that cite it.
    const byContact = asked?.verdict !== 'tracked' && isOfContact(mail);
    const verdict = byContact ? 'tracked' : (asked?.verdict ?? 'untracked');
    const via = byContact ? undefined : asked?.via;
    const answered = via === undefined ? [] : speaking(this.bearersOf(via, mail)).filter((bearer) => this.#tracked.has(bearer.mailId));
    const pinned = asked?.because.kind === 'pinned' ? mail.mergedInto : null;
    const answers = pinned ?? answered.map((bearer) => bearer.mailId).sort()[0] ?? null;
    const words = { tracked: 'tracked', untracked: 'untracked', only_if_quoting: 'asking' } as const;
    const [cut, joined] = [this.#cutOf(mail), this.#joined(mail)];
    return { verdict: words[verdict], cut, joined, answers: verdict === 'tracked' ? answers : null, byContact };
  }

  /** Of most mails nothing is asked: they are no root, and none that they follow is tracked. */
  #ask(mail: GraphMail): TrackedVerdict | undefined {
    if (rootOf(mail) === null && !this.#isPinned(mail) && !mail.chain.some((id) => this.#isTracked(id, mail))) return undefined;
    return this.why(mail);
  }

  /** What the gate says of a mail, and why. */
  why(mail: GraphMail): TrackedVerdict {
    const root = rootOf(mail);
    const isCut = mail.isSplit && root === null;
    const candidate: Candidate = {
      root: root === null ? undefined : gateRoots[root],
      isNeverLogged: isStopped(mail),
      pin: this.#isPinned(mail) ? 'track' : isCut ? 'untrack' : undefined,
      logsInternal: mail.logsInternal,
      facts: childFacts(mail, this.#nearest(mail)),
      chain: mail.chain,
    };
    return judgeTracked(candidate, (id) => this.known(id, mail));
  }

  /** A person put it with a tracked mail; also with one that is tracked for its contact alone, which leads on nobody by itself. */
  #isPinned(mail: GraphMail): boolean {
    const target = mail.mergedInto === null ? undefined : this.#targets.get(mail.mergedInto);
    return target !== undefined && (this.#tracked.has(target.mailId) || isOfContact(target));
  }

  #isTracked(id: string, citing: GraphMail): boolean {
    const bearers = this.bearersOf(id, citing);
    return bearers.length === 0 ? this.around.ghosts.has(id) : speaking(bearers).some((bearer) => this.#tracked.has(bearer.mailId));
  }

  known(id: string, citing: GraphMail): KnownMail | undefined {
    const bearers = this.bearersOf(id, citing);
    const tracked = this.#isTracked(id, citing);
    const isSplit = this.around.splits.has(id);
    if (bearers.length === 0) return tracked || isSplit ? { tracked, cut: isSplit } : undefined;
    return {
      tracked,
      cut: isSplit || this.#cutOfAll(bearers),
      facts: parentFacts(speaking(bearers), citing),
    };
  }

  /** A tracked id that nobody has seen says nothing of who was on it. */
  #nearest(mail: GraphMail): CutFacts | undefined {
    return nearestAncestor(mail.chain, (id) => {
      const bearers = this.bearersOf(id, mail);
      return bearers.length > 0 ? { tracked: false, facts: parentFacts(speaking(bearers), mail) } : { tracked: this.around.ghosts.has(id) };
    });
  }

  /**
   * Where only its text can tell, it is no cut once the mail is tracked for what it quotes. Before that it counts as unread, also where the text was
   * read: whether it was may hang on the order of arrival.
   */
  #cutOf(mail: GraphMail): Cut {
    let cut = this.#cuts.get(mail.mailId);
    if (cut === undefined) {
      const verdict = mail.isSplit || judgeCut(factsOf(mail), this.#nearest(mail)).cut;
      cut = verdict === 'ask_text' ? 'unread' : verdict ? 'yes' : 'no';
      this.#cuts.set(mail.mailId, cut);
    }
    return cut === 'unread' && rootOf(mail) === null && this.#tracked.has(mail.mailId) ? 'no' : cut;
  }

  /** Of several mails with one id each may stop the walk beyond it: a forged copy must not lead past a cut. */
  #cutOfAll(bearers: GraphMail[]): KnownMail['cut'] {
    const cuts = bearers.map((bearer) => this.#cutOf(bearer));
    if (cuts.includes('yes')) return true;
    return cuts.includes('unread') ? 'undecided' : false;
  }

  /** Its effective chain: nothing if it is cut, else from the end back to and including the first id that is. */
  #joined(mail: GraphMail): number {
    if (this.#cutOf(mail) !== 'no') return 0;
    for (const [count, id] of mail.chain.toReversed().entries()) {
      const bearers = this.bearersOf(id, mail);
      if (this.around.splits.has(id) || (bearers.length > 0 && this.#cutOfAll(bearers) !== false)) return count + 1;
    }
    return mail.chain.length;
  }

  bearersOf(id: string, citing: GraphMail): GraphMail[] {
    const bearers = this.#bearers.get(id) ?? nobody;
    return bearers.includes(citing) ? bearers.filter((bearer) => bearer !== citing) : bearers;
  }
}

/** What was sent from the CRM was written there: the list is about what is read from mailboxes. */
const isStopped = ({ isNeverLogged, root }: GraphMail): boolean => isNeverLogged && root !== 'sent';

/** A contact whose address became our own is one no more, also where the mail was captured for that. */
const isOfContact = (mail: GraphMail): boolean => mail.isOfContact && !isStopped(mail) && !isInternal(mail);

/** Quoted text counts only under the ancestor's own subject: only then is the text asked for, and a fact known by chance of arrival must not decide. */
function childFacts(mail: GraphMail, nearest: CutFacts | undefined): CutFacts {
  return { ...factsOf(mail), carriesQuote: nearest?.subject === mail.subject ? (mail.carriesQuote ?? undefined) : undefined };
}

function factsOf({ people, subject, isReport }: Pick<GraphMail, 'people' | 'subject' | 'isReport'>): CutFacts {
  return { people, subject, carriesQuote: undefined, isReport };
}

/**
 * Whoever knows the id of a private mail can forge it, and any id is known to those whom the mail went to. So of several mails that bear one id those speak
 * for it that a person made ours: a mail that was sent or logged, or put with another. Where there is none, nobody does: the id leads to no tracked mail,
 * and nobody is compared with it. Whether they are tracked does not count, so that the order in which they are asked does not.
 */
function speaking(bearers: GraphMail[]): GraphMail[] {
  return bearers.length < 2 ? bearers : bearers.filter((bearer) => rootOf(bearer) !== null || bearer.mergedInto !== null);
}

/** What a mail is compared with; of an id that nobody speaks for, nothing. */
function parentFacts(speakers: GraphMail[], citing: GraphMail): CutFacts | undefined {
  const [first] = speakers;
  if (first === undefined) return undefined;
  const same = speakers.find((speaker) => speaker.subject === citing.subject) ?? first;
  const people = speakers.length === 1 ? first.people : [...new Set(speakers.flatMap((speaker) => speaker.people))];
  return factsOf({ people, subject: same.subject, isReport: false });
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
