// Answers that come to many inboxes while pods are replaced: each stands on its contact's timeline once, and how long that took.
import { expect } from 'vitest';
import { fromBinary } from '@bufbuild/protobuf';
import { Kafka, logLevel, type Consumer } from 'kafkajs';
import { EngagementLoggedSchema } from '@rejoinder/contracts/events/timeline';
import { messageIdOf, replyTo } from '@rejoinder/testing/mail';
import type { Inbox, Rest } from '@rejoinder/testing/rest';
import { pause, settle } from '@rejoinder/testing/settle';
import type { Servers } from './servers.js';

/** With the answers to what RollingLoad sends, five mails a second. */
const everyMs = 250;
const settleMs = 180_000;
const connectsAtOnce = 4;

/** An inbox, the contact it wrote to, and what the contact got. */
interface Pair {
  address: string;
  contactId: string;
  contact: string;
  raw: Buffer;
}

export class Deliveries {
  /** By the answer's Message-ID: which pair it is of, and when it was delivered, in milliseconds since 1970. */
  readonly #delivered = new Map<string, { pair: Pair; atMs: number }>();
  /** When a consumer outside first heard of an engagement. */
  readonly #heardAt = new Map<string, number>();
  /** By contact: how many answers. */
  readonly #heardOf = new Map<string, number>();
  #isOver = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(
    private readonly rest: Rest,
    private readonly servers: Servers,
    private readonly pairs: Pair[],
    private readonly consumer: Consumer,
  ) {}

  /** Connects so many inboxes and has each write to a contact of its own. */
  static async prepare(rest: Rest, servers: Servers, count: number): Promise<Deliveries> {
    const consumer = new Kafka({ brokers: [`${servers.host}:${servers.ports.kafka}`], logLevel: logLevel.NOTHING }).consumer({
      groupId: 'crm',
    });
    const pairs: Pair[] = [];
    for (let n = 0; n < count; n += connectsAtOnce)
      pairs.push(
        ...(await Promise.all(Array.from({ length: Math.min(connectsAtOnce, count - n) }, (_, more) => pairOf(rest, servers, n + more)))),
      );
    const deliveries = new Deliveries(rest, servers, pairs, consumer);
    await deliveries.#listen();
    return deliveries;
  }

  get count(): number {
    return this.#delivered.size;
  }

  /** How long the mail that was delivered first, of those that have not been heard of, has waited. */
  longestWaitMs(): number {
    const first = this.pairs.map((one) => {
      const delivered = [...this.#delivered.values()].filter(({ pair }) => pair === one);
      return delivered[this.#heardOf.get(one.contactId) ?? 0]?.atMs ?? Date.now();
    });
    return Date.now() - Math.min(...first);
  }

  start(): void {
    this.#running = this.#deliver();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.consumer.disconnect();
  }

  /** Each answer is on its contact's timeline once, and nothing else is. Answers when each was delivered, and after how many milliseconds it was heard of. */
  async holds(): Promise<{ atMs: number; delayMs: number }[]> {
    const engagements = new Map<string, string>();
    for (const pair of this.pairs) {
      const wanted = [...this.#delivered].filter(([, one]) => one.pair === pair).map(([id]) => id);
      const found = async () => (await this.rest.timeline(pair.contactId)).filter(({ direction }) => direction === 'in');
      await settle(`all answers to ${pair.address}`, async () => (await found()).length >= wanted.length, { timeoutMs: settleMs });
      const logged = await found();
      expect([pair.address, logged.map(({ message_id: id }) => bare(id)).toSorted()]).toEqual([pair.address, wanted.toSorted()]);
      for (const one of logged) engagements.set(bare(one.message_id), one.engagement_id);
    }
    await settle('all to be heard of', () => [...engagements.values()].every((id) => this.#heardAt.has(id)), { timeoutMs: settleMs });
    return [...this.#delivered].map(([id, { atMs }]) => ({ atMs, delayMs: this.#heardAt.get(engagements.get(id)!)! - atMs }));
  }

  async #listen(): Promise<void> {
    await this.consumer.connect();
    await this.consumer.subscribe({ topic: 'rejoinder.timeline.v1', fromBeginning: true });
    await this.consumer.run({
      eachMessage: async ({ message: { headers, value } }) => {
        if (headers?.ce_type?.toString() !== EngagementLoggedSchema.name) return;
        const { engagementId, contactId, direction } = fromBinary(EngagementLoggedSchema, value!);
        if (this.#heardAt.has(engagementId)) return;
        this.#heardAt.set(engagementId, Date.now());
        if (direction === 'in') this.#heardOf.set(contactId, (this.#heardOf.get(contactId) ?? 0) + 1);
      },
    });
  }

  async #deliver(): Promise<void> {
    const began = performance.now();
    for (let n = 0; !this.#isOver; n++) {
      const pair = this.pairs[n % this.pairs.length]!;
      const reply = await replyTo(pair.raw, { from: pair.contact, text: `Answer ${n}.` });
      await this.servers.town.dovecot.deliver(pair.address, reply);
      this.#delivered.set(bare(messageIdOf(reply)), { pair, atMs: Date.now() });
      await pause(Math.max(0, began + (n + 1) * everyMs - performance.now()));
    }
  }
}

async function pairOf(rest: Rest, { town }: Servers, n: number): Promise<Pair> {
  const [address, contact] = [`member${n}@crm.test`, `contact${n}@customer.test`];
  for (const one of [address, contact]) await town.dovecot.addUser(one, town.login.password);
  const inbox: Inbox = await rest.connect({ ...town.login, address });
  await settle(`${address} to be live`, async () => (await rest.inbox(inbox.inbox_id)).progress?.state === 'live', { timeoutMs: settleMs });
  const { contact_id: contactId } = await rest.putContact(contact);
  const send = await rest.send({ inbox_id: inbox.inbox_id, to: [{ address: contact }], subject: `Offer ${n}`, text: 'Dear contact.' });
  const { raw } = await settle(`the offer of ${address}`, () => town.dovecot.accepted.find((mail) => mail.raw.includes(send.message_id)), {
    timeoutMs: settleMs,
  });
  return { address, contact, contactId, raw };
}

const bare = (id: string): string => id.replace(/^<|>$/g, '');
