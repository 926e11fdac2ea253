// What goes on while processes are replaced: twenty requests a second to every role behind the door, a send a second, and an answer to each.
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { people, type Town } from '@rejoinder/testing/crm-town';
import { messageIdOf, replyTo } from '@rejoinder/testing/mail';
import type { Rest, Send } from '@rejoinder/testing/rest';
import { pause, settle } from '@rejoinder/testing/settle';

const requestEveryMs = 50;
const proofEvery = 100;
const answerEveryMs = 200;
const settleMs = 120_000;

export interface Failure {
  asked: string;
  error: string;
}

export class RollingLoad {
  readonly failures: Failure[] = [];
  askedAgain = 0;
  readonly #sends = new Map<string, { key: string; send?: Send }>();
  readonly #open = new Set<Promise<void>>();
  readonly #answered = new Set<string>();
  #isOver = false;
  #asked = 0;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly rest: Rest,
    private readonly town: Town,
    private readonly inboxId: string,
    private readonly contactId: string,
    private readonly attachmentId: string,
    private readonly firstSend: Send,
  ) {}

  static async prepare(rest: Rest, town: Town, inboxId: string, firstSend: Send): Promise<RollingLoad> {
    const { contact_id: contactId } = await rest.putContact(people.contact, 'Carla Customer');
    const attachmentId = await rest.upload('order.pdf', 'application/pdf', randomBytes(2_000));
    return new RollingLoad(rest, town, inboxId, contactId, attachmentId, firstSend);
  }

  get asked(): number {
    return this.#asked;
  }

  start(): void {
    this.#running = Promise.all([this.#ask(), this.#answer()]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    await Promise.all(this.#open);
  }

  async #ask(): Promise<void> {
    const { rest, inboxId, contactId, attachmentId, firstSend } = this;
    const get = (path: string) => [path, () => rest.call('GET', path)] as const;
    const turns = [
      get('/v1/inboxes'),
      get(`/v1/inboxes/${inboxId}`),
      get('/v1/contacts'),
      get(`/v1/contacts/${contactId}/timeline`),
      get(`/v1/mail/${firstSend.send_id}`),
      ['/v1/tracked-mail', () => rest.track(firstSend.message_id)],
      ['/v1/attachments', () => rest.upload('note.txt', 'text/plain', Buffer.from('A note.'))],
      [`/v1/attachments/${attachmentId}`, () => rest.download(attachmentId)],
      get(`/v1/contacts/${contactId}/timeline`),
      ['/v1/mail', () => this.#send()],
      get('/v1/webhooks'),
      get('/v1/settings'),
      ['/v1/contacts', () => rest.putContact(people.third)],
      get(`/v1/contacts/${contactId}`),
      get('/v1/inboxes'),
      get(`/v1/mail/${firstSend.send_id}`),
      get('/v1/contacts'),
      get(`/v1/inboxes/${inboxId}`),
      get(`/v1/contacts/${contactId}/timeline?limit=5`),
      get('/v1/quarantine'),
    ] as const;
    const began = performance.now();
    for (; !this.#isOver; this.#asked++) {
      // An operator's page asks for it, seldom.
      const [asked, ask] = this.#asked % proofEvery === 0 ? get('/v1/retention/proof') : turns[this.#asked % turns.length]!;
      const one: Promise<void> = this.#onceMore(ask).then(
        () => undefined,
        (error: Error) => void this.failures.push({ asked, error: `${error.message} ${String((error.cause as Error)?.message ?? '')}` }),
      );
      this.#open.add(one);
      void one.finally(() => this.#open.delete(one));
      await pause(Math.max(0, began + (this.#asked + 1) * requestEveryMs - performance.now()));
    }
  }

  /**
   * A client may use a kept connection in the very moment in which its server closes it, idle: then it asks again (RFC 9112 9.3.1), as browsers and
   * proxies do; and a client that is told to slow down (429) asks again when it was told to. All that is asked here may be asked twice.
   */
  async #onceMore(ask: () => Promise<unknown>): Promise<unknown> {
    return ask().catch(async (error: Error) => {
      const [, retryAfterMs] = /answered 429.*"retry_after_ms":(\d+)/.exec(error.message) ?? [];
      if (error.message !== 'fetch failed' && retryAfterMs === undefined) throw error;
      await pause(Number(retryAfterMs ?? 0));
      this.askedAgain++;
      return ask();
    });
  }

  async #send(): Promise<void> {
    const subject = `Order ${this.#sends.size + 1}`;
    const key = crypto.randomUUID();
    this.#sends.set(subject, { key });
    this.#sends.set(subject, { key, send: await this.#sendOnce(subject, key) });
  }

  #sendOnce(subject: string, key: string): Promise<Send> {
    return this.rest.send({ inbox_id: this.inboxId, to: [{ address: people.contact }], subject, text: `About ${subject}.` }, key);
  }

  /** The contact answers whatever they get, once. */
  async #answer(): Promise<void> {
    const { accepted } = this.town.dovecot;
    for (let next = accepted.length; !this.#isOver; await pause(answerEveryMs)) {
      for (; next < accepted.length; next++) await this.#reply(accepted[next]!.raw);
    }
  }

  async #reply(raw: Buffer): Promise<void> {
    const id = messageIdOf(raw);
    if (this.#answered.has(id)) return;
    this.#answered.add(id);
    await this.town.dovecot.deliver(people.sales, await replyTo(raw, { from: people.contact, text: 'Thank you.' }));
  }

  /** Nothing is lost and nothing is there twice: what was sent was accepted once, and it and its answer are on the timeline once. Answers how many sends nobody could confirm. */
  async holds(): Promise<number> {
    // A CRM that had no answer asks again with the same key.
    for (const [subject, { key, send }] of this.#sends)
      this.#sends.set(subject, { key, send: send ?? (await this.#sendOnce(subject, key)) });
    const sends = [...this.#sends].map(([subject, { send }]) => ({ subject, send: send! }));
    const accepted = (send: Send) => this.town.dovecot.accepted.filter(({ raw }) => raw.includes(send.message_id));
    const told = () => Promise.all(sends.map(async ({ send }) => (await this.rest.getSend(send.send_id)).state));
    await settle(
      'all sends to be settled',
      async () => {
        const open = (await told()).filter((state) => state !== 'sent' && state !== 'unconfirmed');
        if (open.length > 0) throw new Error(open.join());
        return true;
      },
      { timeoutMs: settleMs },
    );
    const states = await told();
    // A process that was killed in DATA: nobody can know, and it is never sent again by itself.
    const unconfirmed = new Set(sends.filter((_, at) => states[at] === 'unconfirmed').map(({ subject }) => subject));
    const wrong = sends.filter(
      ({ subject, send }) => accepted(send).length !== 1 && !(unconfirmed.has(subject) && accepted(send).length === 0),
    );
    expect(wrong.map(({ subject, send }) => [subject, accepted(send).length])).toEqual([]);
    const answered = sends.filter(({ send }) => accepted(send).length === 1);
    for (const { send } of answered) await this.#reply(accepted(send)[0]!.raw);
    const subjects = [...sends, ...answered.map(({ subject }) => ({ subject: `Re: ${subject}` }))].map(({ subject }) => subject).toSorted();
    const onTimeline = async () =>
      (await this.rest.timeline(this.contactId)).map(({ subject }) => subject).filter((subject) => /Order \d/.test(subject));
    await settle('all on the timeline', async () => new Set(await onTimeline()).size === subjects.length, { timeoutMs: settleMs });
    expect((await onTimeline()).toSorted()).toEqual(subjects);
    return unconfirmed.size;
  }
}
