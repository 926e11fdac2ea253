// Judges again whatever a change of the graph can reach, and writes verdicts, threads and what is to be said in the caller's transaction.
import { Inject, Injectable } from '@nestjs/common';
import { newId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import { Outbox, type NewEvent } from '@rejoinder/bus/outbox';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER } from '@rejoinder/runtime/tokens';
import { announce, announceThreads, changeOf, changesOf, type Change } from '../verdict/announce.js';
import type { GraphMail } from './graph.js';
import { distinct, mailsOfThreads, reachedFrom, saveNew, type MailKey, type NewMail, type OwnInboxes } from './graph-store.js';
import { judge, type Judged } from '../verdict/judge.js';
import type { Tx } from '../tx.js';
import { idsHeld, thread, type Threading } from './threads.js';
import { threadsOfTargets } from '../pins/pin-store.js';
import { surroundings, withoutOwn } from '../verdict/surroundings-store.js';
import { leaveForRecheck, raiseThreadRevision, saveThreads, saveVerdicts, threadsOfIds } from '../verdict/verdict-store.js';

/** Mails that one transaction judges again; what lies beyond is left to the recheck worker. */
const maxReached = 5_000;
/** Mails of threads that are taken apart at once; a larger thread stays as it is. */
const maxApart = 10_000;

/** The trace of what made a mail be judged. */
export type TraceOf = (mail: MailKey) => string | undefined;

interface Judgement {
  before: GraphMail;
  judged: Judged;
}

@Injectable()
export class GraphWriter {
  constructor(
    private readonly outbox: Outbox,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Judges these mails, whose ground has changed, with all they reach; and mails that are new, which are stored once they have been judged. Threads that may
   * fall apart are those that lose what held them together beside ids. The caller has locked their tenants' graphs.
   */
  async judgeAgain(
    tx: Tx,
    changed: MailKey[],
    own: Map<string, OwnInboxes>,
    traceOf: TraceOf,
    fresh: NewMail[] = [],
    loose: string[] = [],
  ): Promise<void> {
    if (changed.length + fresh.length === 0) return;
    const { judgements, isAll } = await this.#judge(tx, changed, fresh, own);
    const changes: Change[] = [];
    const events: NewEvent[] = [];
    for (const [tenantId, ofTenant] of byTenant(judgements, ({ before }) => before.tenantId)) {
      const threading = await this.#thread(tx, tenantId, ofTenant, loose);
      const firstTrace = traceOf(ofTenant[0]!.before);
      const count = changesOf(threading);
      if (count > 0) events.push(...announceThreads(tenantId, threading, await raiseThreadRevision(tx, tenantId, count), firstTrace));
      const ofMails = ofTenant.flatMap(({ before, judged }) => this.#change(before, judged, threading));
      const isGone = (inboxId: string) => own.get(tenantId)!.gone.has(inboxId);
      events.push(...ofMails.flatMap((change) => announce(change, isGone, traceOf(change.after) ?? firstTrace)));
      changes.push(...ofMails);
    }
    const [first, again] = [changes.filter(isFirst), changes.filter((change) => !isFirst(change))];
    await Promise.all([
      saveNew(
        tx,
        first.map(({ before, after }) => ({ ...(before as NewMail), ...after })),
      ),
      saveVerdicts(
        tx,
        again.map(({ after }) => after),
      ),
      this.outbox.add(tx, events),
    ]);
    if (!isAll)
      await leaveForRecheck(
        tx,
        judgements.map(({ before }) => before),
        this.clock.now(),
      );
  }

  async #judge(
    tx: Tx,
    changed: MailKey[],
    fresh: NewMail[],
    own: Map<string, OwnInboxes>,
  ): Promise<{ judgements: Judgement[]; isAll: boolean }> {
    const limit = maxReached + changed.length;
    const stored = await reachedFrom(tx, changed, fresh, limit);
    const reached = [...fresh, ...stored];
    const around = await surroundings(tx, reached);
    const judgements: Judgement[] = [];
    for (const [tenantId, mails] of byTenant(reached, (mail) => mail.tenantId)) {
      const outside = withoutOwn(mails, own);
      const verdicts = judge(outside, around(tenantId, own));
      judgements.push(...outside.map((before) => ({ before, judged: verdicts.get(before.mailId)! })));
    }
    return { judgements, isAll: stored.length < limit };
  }

  /** Threads of the judged mails; where one lets go of an id, its whole old thread is looked at, and its other mails join the judged. */
  async #thread(tx: Tx, tenantId: string, judgements: Judgement[], loose: string[]): Promise<Threading> {
    const apart = await this.#apart(tx, tenantId, judgements, loose);
    const linked = judgements.map(({ before, judged }) => ({ ...before, joined: judged.joined }));
    const ids = distinct(linked.flatMap((mail) => idsHeld(mail).map((id) => ({ tenantId, id }))));
    const targets = [...new Set(linked.flatMap(({ mergedInto }) => mergedInto ?? []))];
    const found = [
      ...(ids.length > 0 ? await threadsOfIds(tx, ids) : []),
      ...(targets.length > 0 ? await threadsOfTargets(tx, tenantId, targets) : []),
    ];
    const threading = thread(linked, new Map(found.map(({ id, threadId }) => [id, threadId])), apart, newId);
    const made = threading.made.map((threadId) => ({ tenantId, threadId }));
    const merged = [...threading.merged].map(([threadId, into]) => ({ tenantId, threadId, into }));
    await saveThreads(tx, made, merged, this.clock.now());
    return threading;
  }

  async #apart(tx: Tx, tenantId: string, judgements: Judgement[], loose: string[]): Promise<Set<string>> {
    const left = judgements.filter(({ before, judged }) => before.threadId !== null && judged.joined < before.joined);
    const apart = [...new Set([...left.map(({ before }) => before.threadId!), ...loose])];
    if (apart.length === 0) return new Set();
    const members = await mailsOfThreads(tx, tenantId, apart, maxApart);
    if (members.length === maxApart) {
      this.logger.warn({ tenantId, threads: apart.length }, 'too many mails to take threads apart');
      return new Set();
    }
    const known = new Set(judgements.map(({ before }) => before.mailId));
    judgements.push(...members.filter(({ mailId }) => !known.has(mailId)).map((before) => ({ before, judged: before })));
    return new Set(apart);
  }

  #change(before: GraphMail, judged: Judged, { threadOf, merged }: Threading): Change[] {
    const called = before.threadId === null ? null : (merged.get(before.threadId) ?? before.threadId);
    const { verdict, cut, joined, answers, byContact } = judged;
    const change = changeOf({ ...before, threadId: called }, { verdict, cut, joined, answers, byContact }, threadOf.get(before.mailId)!);
    return change ? [change] : [];
  }
}

/** Stored mails have a thread. */
const isFirst = ({ before }: Change): boolean => before.threadId === null;

function byTenant<T>(items: T[], tenantOf: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, tenantOf);
}
