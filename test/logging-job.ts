// What a person logs by hand, the same for every size of the house: BCC, an answer, a forward, and a mail in somebody else's name.
import { expect } from 'vitest';
import { people, type Town } from '@rejoinder/testing/crm-town';
import { startDns, type Dns } from '@rejoinder/testing/dns';
import { buildMail } from '@rejoinder/testing/mail';
import { freePort } from '@rejoinder/testing/ports';
import type { Rest } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';
import { deliverBySmtp } from '@rejoinder/testing/smtp';
import { onTimeline } from './main-job.js';

interface Held {
  quarantine_id: string;
  reason: string;
  subject: string;
}

/** Where the intake listens, and the DNS in which the domain of the members says who sends for it. */
export interface IntakeDoor {
  port: number;
  dns: Dns;
  env: Record<string, string>;
}

export async function openIntakeDoor(): Promise<IntakeDoor> {
  const dns = await startDns({ 'crm.test': 'v=spf1 ip4:127.0.0.1 -all', '_dmarc.crm.test': 'v=DMARC1; p=reject' });
  const port = await freePort();
  const env = {
    REJOINDER_SYNC_FOLDER_POLL_SECONDS: '1',
    REJOINDER_INTAKE_DOMAIN: 'log.crm.test',
    REJOINDER_INTAKE_LISTEN: `127.0.0.1:${port}`,
    REJOINDER_INTAKE_DNS_SERVERS: dns.address,
  };
  return { port, dns, env };
}

export interface LoggingHouse {
  rest: Rest;
  town: Town;
  door: IntakeDoor;
  inboxId: string;
  /** Nothing is on its way any more. */
  quiet: () => Promise<void>;
}

export class LoggingJob {
  constructor(
    private readonly here: LoggingHouse,
    readonly address: string,
  ) {}

  static async of(here: LoggingHouse): Promise<LoggingJob> {
    const { address } = await here.rest.call<{ address: string }>('GET', `/v1/inboxes/${here.inboxId}/logging-address`);
    return new LoggingJob(here, address);
  }

  deliver(raw: Buffer, from = people.sales): Promise<string> {
    return deliverBySmtp(this.here.door.port, { from, to: this.address }, raw);
  }

  contactId(address: string): Promise<string> {
    const find = async () => (await this.here.rest.contacts()).find((contact) => contact.address === address)?.contact_id;
    return settle(`${address} to be a contact`, find);
  }

  async onceOn(address: string, subject: string): Promise<number> {
    await this.here.quiet();
    return (await this.here.rest.timeline(await this.contactId(address))).filter((engagement) => engagement.subject === subject).length;
  }

  /** A BCC is on the timeline of whom it went to, and its copy in Sent makes no second one. */
  async copiesIn(): Promise<void> {
    const { rest, town, inboxId } = this.here;
    const file = Buffer.from('%PDF offer');
    const subject = 'An offer from my phone';
    const attachments = [{ filename: 'offer.pdf', content: file, contentType: 'application/pdf' }];
    const raw = await buildMail({ from: people.sales, to: people.contact, subject, text: 'Dear Carla', attachments });
    expect(await this.deliver(raw)).toMatch(/^250 /);
    const stored = ({ attachments: [first] }: { attachments: { state: string }[] }) => first?.state === 'stored';
    const contactId = await this.contactId(people.contact);
    const engagement = await onTimeline(this.here, contactId, subject, (found) => found.text_state === 'ready' && stored(found));
    expect(engagement).toMatchObject({ direction: 'out', from: { address: people.sales }, text: 'Dear Carla' });
    expect((await rest.download(engagement.attachments[0]!.attachment_id)).equals(file)).toBe(true);
    await using sales = await town.openSales();
    const seen = async () => (await rest.inbox(inboxId)).progress?.folders.find(({ path }) => path === 'Sent')?.seen ?? 0;
    const before = await seen();
    await sales.append('Sent', raw);
    await settle('the copy to be looked at', async () => (await seen()) > before);
    expect(await this.onceOn(people.contact, subject)).toBe(1);
    expect((await rest.contacts()).map(({ address }) => address)).not.toContain(this.address);
  }

  /** An answer to what was logged comes back by itself. */
  async isAnswered(): Promise<void> {
    const messageId = 'asked@crm.test';
    await this.deliver(await buildMail({ from: people.sales, to: people.contact, subject: 'A question', messageId, text: 'Well?' }));
    await onTimeline(this.here, await this.contactId(people.contact), 'A question', () => true);
    const subject = 'Re: A question';
    const to = people.sales;
    const answer = { from: people.contact, to, subject, inReplyTo: messageId, references: messageId, text: 'Yes.' };
    await this.here.town.dovecot.deliver(people.sales, await buildMail(answer));
    const contactId = await this.contactId(people.contact);
    const engagement = await onTimeline(this.here, contactId, subject, (found) => found.text_state === 'ready');
    expect([engagement.direction, engagement.text.trim()]).toEqual(['in', 'Yes.']);
  }

  /** A forwarded mail is on the timeline of whoever wrote it. */
  async forwards(): Promise<void> {
    const block = `---------- Forwarded message ---------\nFrom: Theo <${people.third}>\nDate: Fri, Nov 20, 2026 at 10:12 AM\nSubject: Partners?\nTo: <${people.sales}>\n\nShall we?\n`;
    await this.deliver(await buildMail({ from: people.sales, to: this.address, subject: 'Fwd: Partners?', text: block }));
    const contactId = await this.contactId(people.third);
    const engagement = await onTimeline(this.here, contactId, 'Partners?', (found) => found.text_state === 'ready');
    expect(engagement).toMatchObject({ direction: 'in', from: { address: people.third, name: 'Theo' } });
    expect(engagement.text.trim()).toBe('Shall we?');
  }

  /** A spoofed mail is held back, and on no timeline until a person says so. */
  async isSpoofed(): Promise<void> {
    const { rest } = this.here;
    const subject = 'Pay this';
    const raw = await buildMail({ from: people.sales, to: people.contact, subject, text: 'Pay' });
    expect(await this.deliver(raw, people.stranger)).toMatch(/^250 /);
    const held = () => rest.call<{ mails: Held[] }>('GET', '/v1/quarantine');
    const mail = await settle('it to be held back', async () => (await held()).mails[0]);
    expect(mail).toMatchObject({ reason: 'not_verified', subject });
    expect(await this.onceOn(people.contact, subject)).toBe(0);
    await rest.call('POST', `/v1/quarantine/${mail.quarantine_id}/release`);
    await onTimeline(this.here, await this.contactId(people.contact), subject, (found) => found.text_state === 'ready');
    expect((await held()).mails).toEqual([]);
  }
}
