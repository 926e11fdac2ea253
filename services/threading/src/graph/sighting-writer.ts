// Takes sightings of mails into the graph: facts, ghosts that turn up, further inboxes that hold a mail, and then every verdict they touch.
import { Injectable } from '@nestjs/common';
import { Outbox } from '@rejoinder/bus/outbox';
import { askFor, isWanted } from '../verdict/announce.js';
import { lockGraphs, ownInboxes, saveFacts, storedMails, type OwnInboxes } from './graph-store.js';
import { GraphWriter, type TraceOf } from './graph-writer.js';
import type { Tx } from '../tx.js';
import { withPeople } from '../people/people-store.js';
import { learn, type Learnt, type Sighting, type Stored } from './sighting.js';
import { claimGhosts } from '../tracked/tracked-store.js';
import { strongerRoot } from './graph.js';

@Injectable()
export class SightingWriter {
  constructor(
    private readonly graph: GraphWriter,
    private readonly outbox: Outbox,
  ) {}

  async take(tx: Tx, sightings: Sighting[], traceOf: TraceOf): Promise<void> {
    const tenantIds = sightings.map(({ facts }) => facts.tenantId);
    await lockGraphs(tx, tenantIds);
    const byMail = Map.groupBy(sightings, ({ facts }) => `${facts.tenantId} ${facts.mailId}`);
    const keys = [...byMail.values()].map(([first]) => first!.facts);
    const [own, before] = await Promise.all([ownInboxes(tx, tenantIds), storedMails(tx, keys)]);
    const stored = new Map(before.map((mail) => [`${mail.tenantId} ${mail.mailId}`, mail]));
    const learnt = [...byMail].map(([key, ofMail]) => learn(stored.get(key), ofMail));
    await this.#claim(tx, learnt);
    const news = learnt.filter(({ isGround, addedInboxIds }) => isGround || addedInboxIds.length > 0);
    // A mail may have come to an inbox that captures all mail of contacts.
    const isWiderNow = ({ facts, addedInboxIds }: Learnt) => addedInboxIds.some((inboxId) => own.get(facts.tenantId)!.all.has(inboxId));
    const ground = learnt.filter((one) => !one.isNew && (one.isGround || isWiderNow(one))).map(({ facts }) => facts);
    const fresh = await withPeople(
      tx,
      learnt.filter(({ isNew }) => isNew).map(({ facts }) => facts),
    );
    const known = news.filter(({ isNew }) => !isNew).map(({ facts }) => facts);
    await Promise.all([
      saveFacts(tx, known),
      this.#askAgain(tx, learnt, stored, own, traceOf),
      this.graph.judgeAgain(tx, ground, own, traceOf, fresh),
    ]);
  }

  /** A mail with an id that a person tracked before anybody had seen it is a root. */
  async #claim(tx: Tx, learnt: Learnt[]): Promise<void> {
    const claimed = await claimGhosts(
      tx,
      learnt.filter(({ isGround }) => isGround).map(({ facts }) => facts),
    );
    const mailIds = new Set(claimed.map(({ tenantId, mailId }) => `${tenantId} ${mailId}`));
    for (const { facts } of learnt) {
      if (mailIds.has(`${facts.tenantId} ${facts.mailId}`)) facts.root = strongerRoot(facts.root, 'api');
    }
  }

  /** A wanted mail that is not captured yet may lie well in the inbox where it was seen now. */
  async #askAgain(tx: Tx, learnt: Learnt[], stored: Map<string, Stored>, own: Map<string, OwnInboxes>, traceOf: TraceOf): Promise<void> {
    const events = learnt.flatMap(({ facts, addedInboxIds }) => {
      const mail = stored.get(`${facts.tenantId} ${facts.mailId}`);
      if (!mail || mail.capture === 'captured' || !isWanted({ ...mail, sendId: facts.sendId })) return [];
      const { gone } = own.get(facts.tenantId)!;
      const inboxIds = addedInboxIds.filter((inboxId) => !gone.has(inboxId));
      return askFor(mail, inboxIds, traceOf(mail));
    });
    await this.outbox.add(tx, events);
  }
}
