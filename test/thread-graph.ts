// Mails as sync reads them and threading judges them, without their databases: what is stored stands in maps.
import { createHash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { ObservedMailSchema } from '@rejoinder/contracts/events/sync';
import { bytesText } from '@rejoinder/runtime/rows';
import { observe, type Hash } from '../services/sync/src/inbox/observe.js';
import { settleDoubts } from '../services/sync/src/inbox/settle-doubts.js';
import { fromOutside } from '../services/threading/src/graph/graph.js';
import { learn, sightingOf, unjudged, type Sighting, type Stored } from '../services/threading/src/graph/sighting.js';
import { idsHeld, thread } from '../services/threading/src/graph/threads.js';
import { judge } from '../services/threading/src/verdict/judge.js';
import { partition, type Box, type CorpusMail } from './thread-corpora.js';

/** The address of the tenant's one inbox. */
export const ownAddress = 'own@house.example';
export const inboxId = '00000000-0000-7000-8000-000000000001';

/** The header reader of one tenant's inbox; it knows the mails that it has read. */
export class HeaderReader {
  /** The mail of each name: of two that are copies the same. */
  readonly mailIds = new Map<string, string>();
  readonly #seen = new Set<string>();

  constructor(readonly tenantId: string) {}

  readonly hash: Hash = (kind, text) => createHash('sha256').update(`${this.tenantId} ${kind} ${text}`).digest().subarray(0, 16);

  async read(mails: CorpusMail[]): Promise<Sighting[]> {
    const now = new Date();
    const own = this.hash('address', ownAddress);
    const around = { hash: this.hash, isSigned: () => false, isOwn: (one: Buffer) => one.equals(own), role: 'inbox' as const, now };
    const observations = mails.map(({ name, header, isLogged }, uid) => {
      const seen = { uid, flags: new Set<string>(), receivedAt: now, sizeBytes: header.length, header };
      const observation = observe(seen, { ...around, isLogFolder: isLogged });
      this.mailIds.set(name, observation.mailId);
      return observation;
    });
    await settleDoubts(
      observations,
      async (hashes) => new Set(hashes.map((one) => one.toString('hex')).filter((one) => this.#seen.has(one))),
    );
    for (const { messageIdHash } of observations) if (messageIdHash) this.#seen.add(messageIdHash.toString('hex'));
    return observations.flatMap(({ mail }) => sightingOf(this.tenantId, inboxId, false, create(ObservedMailSchema, mail), now) ?? []);
  }
}

/** No rule is about anybody, and nobody has said anything of a mail. */
const nothing = { isNeverLogged: false, isOfContact: false, isSplit: false, mergedInto: null, isUnlogged: false };

/** Answers what the stores of threading answer, for one tenant, as `graph-writer.ts` asks them. */
export class MemoryGraph {
  readonly #mails = new Map<string, Stored>();
  readonly #bearers = new Map<string, Set<string>>();
  readonly #citers = new Map<string, Set<string>>();
  readonly #own: string;
  #threads = 0;

  constructor(ownHash: Buffer) {
    this.#own = bytesText(ownHash);
  }

  take(sightings: Sighting[]): void {
    const ground: string[] = [];
    for (const [mailId, ofMail] of Map.groupBy(sightings, ({ facts }) => facts.mailId)) {
      const stored = this.#mails.get(mailId);
      const { facts, isGround } = learn(stored, ofMail);
      this.#mails.set(mailId, stored ? { ...stored, ...facts } : unjudged(facts, nothing));
      for (const id of facts.ids) put(this.#bearers, id, mailId);
      for (const id of facts.chain) put(this.#citers, id, mailId);
      if (isGround) ground.push(mailId);
    }
    this.#judge(ground);
  }

  /** Mails whose text is asked for. */
  asked(): string[] {
    return [...this.#mails.values()].filter((mail) => mail.verdict === 'asking' && mail.carriesQuote === null).map(({ mailId }) => mailId);
  }

  /** What sync says of a text that was asked for. */
  answer(mailId: string, carriesQuote: boolean): void {
    this.#mails.set(mailId, { ...this.#mails.get(mailId)!, carriesQuote });
    this.#judge([mailId]);
  }

  rows(): { mailId: string; verdict: string; threadId: string }[] {
    return [...this.#mails.values()].map(({ mailId, verdict, threadId }) => ({ mailId, verdict, threadId: threadId! }));
  }

  #judge(changed: string[]): void {
    const reached = this.#reachedFrom(changed);
    const own = { addresses: new Set([this.#own]), logsInternal: false, internalUntil: null };
    const outside = (mail: Stored) => fromOutside(mail, own);
    const bearers = new Set(reached.flatMap((mail) => mail.chain.flatMap((id) => this.#of(this.#bearers, id))));
    const judged = judge(reached.map(outside), { bearers: [...bearers].map(outside), ghosts: new Set(), splits: new Set() });
    const after = reached.map((mail) => ({ ...mail, ...judged.get(mail.mailId)! }));
    const left = reached.filter((mail, at) => mail.threadId !== null && after[at]!.joined < mail.joined);
    const apart = new Set(left.map((mail) => mail.threadId!));
    const beside = [...this.#mails.values()].filter((mail) => apart.has(mail.threadId ?? '') && !judged.has(mail.mailId));
    this.#thread([...after, ...beside], apart);
  }

  #thread(linked: Stored[], apart: Set<string>): void {
    const held = new Set(linked.flatMap(idsHeld));
    const threadOfId = new Map([...held].flatMap((id) => (this.#threadOf(id) === undefined ? [] : [[id, this.#threadOf(id)!] as const])));
    const { threadOf, merged } = thread(linked, threadOfId, apart, () => `t${String(++this.#threads).padStart(5, '0')}`);
    for (const mail of linked) this.#mails.set(mail.mailId, { ...mail, threadId: threadOf.get(mail.mailId)! });
    if (merged.size === 0) return;
    for (const [mailId, mail] of this.#mails) this.#mails.set(mailId, { ...mail, threadId: merged.get(mail.threadId!) ?? mail.threadId });
  }

  #threadOf(id: string): string | undefined {
    const holders = [...this.#of(this.#bearers, id), ...this.#of(this.#citers, id).filter((mail) => idsHeld(mail).includes(id))];
    return holders.find((mail) => mail.threadId !== null)?.threadId ?? undefined;
  }

  #reachedFrom(mailIds: string[]): Stored[] {
    const reached = new Set(mailIds);
    for (const mailId of reached)
      for (const id of this.#mails.get(mailId)!.ids) for (const citer of this.#citers.get(id) ?? []) reached.add(citer);
    return [...reached].map((mailId) => this.#mails.get(mailId)!);
  }

  #of(index: Map<string, Set<string>>, id: string): Stored[] {
    return [...(index.get(id) ?? [])].map((mailId) => this.#mails.get(mailId)!);
  }
}

/** Threads and verdicts by the names of the mails. */
export interface Outcome {
  threads: string[];
  tracked: string[];
  asking: string[];
}

export function outcomeOf(mailIds: ReadonlyMap<string, string>, rows: { mailId: string; verdict: string; threadId: string }[]): Outcome {
  const byMail = new Map(rows.map((row) => [row.mailId, row]));
  const named = [...mailIds].map(([name, mailId]) => ({ name, ...byMail.get(mailId)! }));
  const withVerdict = (verdict: string) =>
    named
      .filter((one) => one.verdict === verdict)
      .map(({ name }) => name)
      .sort();
  const groups = [...Map.groupBy(named, ({ threadId }) => threadId).values()].map((group) => group.map(({ name }) => name));
  return { threads: partition(groups), tracked: withVerdict('tracked'), asking: withVerdict('asking') };
}

export interface Arrival {
  mails: CorpusMail[];
  /** Mails of the next batch, one at least. */
  size: () => number;
  /** Whether sync answers what is asked before the next batch comes. */
  isAnswered: () => boolean;
}

/** Lets mails arrive in this order, batch by batch; in the end every text that is asked for was read. */
export async function arrive({ mails, size, isAnswered }: Arrival): Promise<Outcome> {
  const reader = new HeaderReader('00000000-0000-7000-8000-000000000002');
  const graph = new MemoryGraph(reader.hash('address', ownAddress));
  const answerAll = () => {
    const quoting = new Set(mails.filter((mail) => mail.quotes).map((mail) => reader.mailIds.get(mail.name)));
    for (let asked = graph.asked(); asked.length > 0; asked = graph.asked()) graph.answer(asked[0]!, quoting.has(asked[0]!));
  };
  for (let at = 0; at < mails.length;) {
    const batch = mails.slice(at, at + size());
    graph.take(await reader.read(batch));
    if (isAnswered()) answerAll();
    at += batch.length;
  }
  answerAll();
  return outcomeOf(reader.mailIds, graph.rows());
}

export const allAtOnce = (box: Box): Promise<Outcome> => arrive({ mails: box.mails, size: () => box.mails.length, isAnswered: () => true });

function put(index: Map<string, Set<string>>, id: string, mailId: string): void {
  index.set(id, (index.get(id) ?? new Set()).add(mailId));
}
