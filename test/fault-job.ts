// A light main job for rounds of faults: one send with a file, its reply with a file, and everything that must hold whatever happened meanwhile.
import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { expect } from 'vitest';
import { people, type Town } from '@rejoinder/testing/crm-town';
import { replyTo } from '@rejoinder/testing/mail';
import type { Engagement, Rest, Send } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';

const fileBytes = 20_000;
const replyFileBytes = 1_000_000;
const settleMs = 120_000;

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const eventually = <T>(what: string, probe: () => Promise<T | undefined | false>) => settle(what, probe, { timeoutMs: settleMs });

export interface Round {
  subject: string;
  file: Buffer;
  reply: { text: string; file: Buffer };
  send?: Send;
  raw?: Buffer;
}

export class FaultJob {
  readonly #rounds: Round[] = [];

  constructor(
    private readonly rest: Rest,
    private readonly town: Town,
    private readonly database: pg.Client,
    private readonly inboxId: string,
  ) {}

  begin(subject: string): Round {
    const reply = { text: `All is well with ${randomBytes(8).toString('hex')}.`, file: randomBytes(replyFileBytes) };
    const round = { subject, file: randomBytes(fileBytes), reply };
    this.#rounds.push(round);
    return round;
  }

  /** What people do in a round, and a CRM that asks again with the same key where it had no answer. */
  async play(round: Round): Promise<void> {
    await this.sendOut(round);
    await this.answer(round);
    await this.complete(round);
  }

  async sendOut(round: Round): Promise<void> {
    const attachmentId = await eventually('the upload', () => this.rest.upload('order.pdf', 'application/pdf', round.file));
    const key = crypto.randomUUID();
    const mail = {
      inbox_id: this.inboxId,
      to: [{ address: people.contact, name: 'Carla Customer' }],
      subject: round.subject,
      text: `Dear Carla,\n\nabout ${round.subject}.\n`,
      attachment_ids: [attachmentId],
    };
    const send = await eventually('the send', () => this.rest.send(mail, key));
    round.send = send;
    if ((await this.#fate(send)) === 'never left') await this.#sendAgain(send);
    round.raw = await eventually(`"${round.subject}" to be accepted`, async () => this.#accepted(send)[0]);
  }

  async answer({ raw, reply }: Round): Promise<void> {
    const attachments = [{ filename: 'archive.bin', contentType: 'application/octet-stream', content: reply.file }];
    const mail = await replyTo(raw!, { from: `Carla Customer <${people.contact}>`, text: `${reply.text}\n`, attachments });
    await this.town.dovecot.deliver(people.sales, mail);
  }

  /** Both mails are on the timeline with their text and their files, byte for byte. */
  async complete({ subject, file, reply }: Round): Promise<void> {
    const isWhole = (one: Engagement) =>
      one.text_state === 'ready' && one.attachments.length === 1 && one.attachments[0]!.state === 'stored';
    const answer = await this.onTimeline(`Re: ${subject}`, isWhole);
    expect(answer).toMatchObject({ direction: 'in', from: { address: people.contact } });
    expect(answer.text).toContain(reply.text);
    expect(await this.#download(answer)).toBe(sha256(reply.file));
    const out = await this.onTimeline(subject, isWhole);
    expect(out).toMatchObject({ direction: 'out', thread_id: answer.thread_id });
    expect(await this.#download(out)).toBe(sha256(file));
  }

  /** Somebody else's mailbox is connected by a person who tries again, is there once, and is removed. */
  async connectPartner(): Promise<void> {
    const login = { ...this.town.login, address: people.third };
    const theirs = async () => (await this.rest.inboxes()).filter(({ address }) => address === people.third);
    const [one] = await eventually('the other mailbox to be connected', async () => {
      await this.rest.connect(login).catch(async (error: unknown) => {
        if ((await theirs()).length === 0) throw error;
      });
      return theirs();
    });
    await eventually('the other mailbox to be live', async () => (await this.rest.inbox(one!.inbox_id)).progress?.state === 'live');
    expect(await eventually('the mailboxes', theirs)).toHaveLength(1);
    await eventually('the other mailbox to be let go', async () => {
      if ((await theirs()).length > 0) await this.rest.removeInbox(one!.inbox_id);
      return (await theirs()).length === 0;
    });
    const left = async () => (await this.database.query('select 1 from sync.session where inbox_id = $1', [one!.inbox_id])).rowCount;
    await eventually('the other mailbox to be removed', async () => (await left()) === 0);
  }

  /** The night has come, and what is kept is proven in it. */
  async proveTonight(): Promise<void> {
    const { rows } = await this.database.query<{ now: Date }>(`update retention.duty set due_at = now() returning now()`);
    await eventually('the proof', async () => {
      await this.database.query(`select pg_notify('rejoinder_wake', 'test/retention.duty')`);
      const proofs = await this.database.query<{ holds: boolean }>('select holds from retention.proof where proved_at > $1', [
        rows[0]!.now,
      ]);
      const duty = await this.database.query<{ last_reason: string }>('select last_reason from retention.duty where due_at > now()');
      return proofs.rows.length > 0 && duty.rows[0]?.last_reason === 'held';
    });
  }

  onTimeline(subject: string, check: (one: Engagement) => boolean): Promise<Engagement> {
    return eventually(`"${subject}" on the timeline`, async () => {
      const found = (await this.#timeline()).find((one) => one.subject === subject);
      if (found && !check(found)) throw new Error(`it is ${JSON.stringify({ ...found, text: undefined })}`);
      return found;
    });
  }

  /** The send is told as it was: the server took it once, and where nobody confirmed that, its copy in Sent does. Answers what was told first. */
  async settled({ send, raw }: Round): Promise<string> {
    const { send_id: id, message_id: messageId } = send!;
    const told = await eventually('the fate of the send', async () => {
      const { state } = await this.rest.getSend(id);
      if (state !== 'sent' && state !== 'unconfirmed') throw new Error(`it is ${state}`);
      return state;
    });
    const sales = await this.town.openSales();
    // Dovecot does not save what is submitted; many providers do.
    if (told === 'unconfirmed') await sales.append('Sent', raw!, ['\\Seen']);
    await eventually('the send to be sent', async () => (await this.rest.getSend(id)).state === 'sent');
    const copies = async () => (await sales.mails('Sent')).filter((mail) => mail.messageId.includes(messageId)).length;
    await eventually('the copy in Sent', async () => (await copies()) >= 1);
    expect(await copies()).toBe(1);
    expect(this.#accepted(send!)).toHaveLength(1);
    await sales.stop();
    return told;
  }

  /** Over all rounds: each mail is there once and says that it was sent, and the inbox never looked broken. */
  async holdsAll(): Promise<void> {
    const all = await this.#timeline();
    const subjects = this.#rounds.flatMap(({ subject }) => [subject, `Re: ${subject}`]);
    expect(all.map(({ subject }) => subject).toSorted()).toEqual(subjects.toSorted());
    expect(new Set(all.map((one) => one.mail_id)).size).toBe(all.length);
    expect(all.filter((one) => one.direction === 'out').map((one) => one.state)).toEqual(this.#rounds.map(() => 'sent'));
    expect(await this.rest.inbox(this.inboxId)).toMatchObject({ receiving: 'connected', sending: 'ready' });
    for (const { send } of this.#rounds) expect(this.#accepted(send!)).toHaveLength(1);
  }

  #accepted({ message_id: messageId }: Send): Buffer[] {
    return this.town.dovecot.accepted.map(({ raw }) => raw).filter((raw) => raw.includes(messageId));
  }

  #fate(send: Send): Promise<'accepted' | 'never left'> {
    return eventually('the server to accept it, or nobody to know', async () => {
      if (this.#accepted(send).length > 0) return 'accepted';
      const { state } = await this.rest.getSend(send.send_id);
      if (state === 'unconfirmed' && this.#accepted(send).length === 0) return 'never left';
      throw new Error(`it is ${state}`);
    });
  }

  /** A person who found it nowhere. */
  async #sendAgain({ send_id: id }: Send): Promise<void> {
    await eventually('to send again', async () => {
      await this.rest.call('POST', `/v1/mail/${id}/resolve`, { outcome: 'send_again' });
      return true;
    });
  }

  async #timeline(): Promise<Engagement[]> {
    const contact = (await this.rest.contacts()).find((one) => one.address === people.contact);
    return contact ? this.rest.timeline(contact.contact_id) : [];
  }

  #download({ attachments }: Engagement): Promise<string> {
    return eventually('the download', async () => sha256(await this.rest.download(attachments[0]!.attachment_id)));
  }
}
