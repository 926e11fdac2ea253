// Takes every public event into the feed that pages read, and makes it a delivery for each webhook that is told of it.
import { Controller, Inject } from '@nestjs/common';
import type { DescMessage } from '@bufbuild/protobuf';
import type { Clock } from '@rejoinder/base/clock';
import { done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { topics, type Topic, type TopicName } from '@rejoinder/contracts/topics';
import { count } from '@rejoinder/runtime/count';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Tx } from '../people/tenant-store.js';
import { addDeliveries, listening } from '../webhooks/delivery-store.js';
import { factsOf } from './facts.js';
import { addToFeed, type NewFeedRow } from './feed-store.js';
import { Feed } from './feed.js';

type TakenMethods = Record<string, (batch: Received[]) => Promise<Outcome>>;

@Controller()
export class OnPublicEvents {
  constructor(
    private readonly database: Database<Tx>,
    private readonly feed: Feed,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async take(schema: DescMessage, batch: Received[]): Promise<Outcome> {
    const rows = batch.map((received) => rowOf(schema, received));
    const tenants = rows.map(({ tenantId }) => tenantId);
    const historical = new Set(batch.flatMap(({ event }) => (event.historical ? event.id : [])));
    const { added, leftOut } = await this.database.write({ tenants }, async (tx) => {
      const now = this.clock.now();
      const [webhooks, added] = await Promise.all([listening(tx, tenants), addToFeed(tx, now, rows)]);
      return { added, leftOut: await addDeliveries(tx, now, webhooks, added, historical) };
    });
    this.feed.added(added);
    if (leftOut > 0) count('rejoinder.gateway.webhooks.left_out', leftOut);
    return done;
  }
}

function rowOf(schema: DescMessage, { event, message }: Received): NewFeedRow {
  const facts = { ...factsOf(schema, message), time: event.time.toISOString() };
  return { tenantId: event.tenantId, eventId: event.id, type: schema.name, facts };
}

/** One handler for each event of the catalogue's public topics, so that a new one is taken without a word here. */
function takeAll(): void {
  for (const [topic, { public: isPublic, events }] of Object.entries<Topic>(topics)) {
    for (const schema of isPublic ? events : []) takeOne(topic as TopicName, schema);
  }
}

function takeOne(topic: TopicName, schema: DescMessage): void {
  const name = `take ${topic} ${schema.name}`;
  const method = function (this: OnPublicEvents, batch: Received[]) {
    return this.take(schema, batch);
  };
  const descriptor = { value: method, configurable: true, writable: true };
  On(schema, topic)(OnPublicEvents.prototype, name, descriptor);
  Object.defineProperty(OnPublicEvents.prototype as unknown as TakenMethods, name, descriptor);
}

takeAll();
