// Places a mail on its contacts with its text, fetched, cleaned and sealed; where the text is slow, the mail stands without it until it comes.
import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import type { Clock } from '@rejoinder/base/clock';
import { backoffMs } from '@rejoinder/base/wait';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { again, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { EngagementWriter } from '../engagement/engagement-writer.js';
import { callBackForgetting, withdrawLater } from '../forget/forget-store.js';
import { HtmlCleaner } from '../html/html-cleaner.js';
import { isContactBusy } from '../contact/contact-store.js';
import { isVisible, type MailState, type TextState } from './mail-state.js';
import { readMails, relockMails, saveMails, type MailKey } from './mail-store.js';
import { match, type Match } from '../contact/match.js';
import { placing, rulesFor, type LoggingRules } from '../contact/rules-store.js';
import type { Tx } from '../tx.js';
import { Sealed, textRow, type MailText } from './sealed.js';
import { TextClient } from './text-client.js';

/** About a week of tries at the longest backoff: sync keeps a text no longer. */
const maxAttempts = 2_000;
const firstRetryMs = 1_000;
const maxRetryMs = 300_000;
/** The first time a person waits for the mail to appear at all. */
const firstDeadlineMs = 1_000;
const deadlineMs = 15_000;
/** A mail that nobody has on a timeline any more may come back within this time; then its files and text are forgotten everywhere. */
const graceMs = 3_600_000;

type Text = Pick<MailState, 'textState' | 'sealedText'>;

@Injectable()
export class MailWorker {
  constructor(
    private readonly database: Database<Tx>,
    private readonly sealed: Sealed,
    private readonly texts: TextClient,
    private readonly cleaner: HtmlCleaner,
    private readonly engagements: EngagementWriter,
    @Inject(CLOCK) private readonly clock: Clock,
    workers: Workers,
  ) {
    workers.add({
      name: 'mail',
      table: 'mail',
      key: 'mail_id',
      concurrency: 8,
      leaseMs: 60_000,
      work: (job, signal) => this.#work(job, signal),
    });
  }

  async #work(job: Job, signal: AbortSignal): Promise<WorkOutcome> {
    const { mail, own, rules } = await this.#read({ tenantId: job.tenantId, mailId: job.key });
    if (!mail || (!mail.toPlace && mail.textState !== 'pending')) return workDone;
    const facts = isVisible(mail) ? await this.sealed.factsOf(mail) : undefined;
    const found =
      facts && match({ ...facts, source: mail.source!, kind: mail.kind, knownOnly: mail.knownOnly }, own, rulesFor(mail, rules));
    const text = await this.#textOf(mail, found, job.attempts, signal);
    if (!(await this.#save(mail, found, text))) return again(this.clock.now(), 'changed');
    if (text.textState !== 'pending') return workDone;
    return again(new Date(this.clock.now().getTime() + backoffMs(job.attempts, firstRetryMs, maxRetryMs)), 'text_not_read');
  }

  #read(key: MailKey): Promise<{ mail: MailState | undefined; own: Set<string>; rules: LoggingRules }> {
    return this.database.read({ tenants: [key.tenantId] }, async (tx) => {
      const [[mail], around] = await Promise.all([readMails(tx, [key]), placing(tx, key.tenantId)]);
      return { mail, ...around };
    });
  }

  /** The text as it is from now on: pending where whoever has it does not answer. */
  async #textOf(mail: MailState, found: Match | undefined, attempts: number, signal: AbortSignal): Promise<Text> {
    const isWanted = found && found.made.length + found.known.length > 0;
    if (!isWanted) return { textState: 'none', sealedText: null };
    if (mail.textState !== 'none' && mail.textState !== 'pending') return mail;
    if (attempts > maxAttempts) return { textState: 'failed', sealedText: null };
    try {
      const text = await this.texts.read(mail.source!, mail.tenantId, mail.mailId, mail.toPlace ? firstDeadlineMs : deadlineMs, signal);
      return text ? await this.#sealedText(mail, text) : { textState: 'gone', sealedText: null };
    } catch (error) {
      if (error instanceof Fault && (error.kind === 'broken' || error.kind === 'busy')) return { textState: 'pending', sealedText: null };
      throw error;
    }
  }

  async #sealedText({ tenantId, mailId }: MailState, { text, html }: MailText): Promise<Text> {
    const clean = html === '' ? { text, html } : await this.cleaner.clean(html);
    const value = { text: text.trim() === '' ? clean.text : text, html: clean.html };
    const [sealedText] = await this.sealed.sealMany([{ tenantId, row: textRow(mailId), value }]);
    return sealedText ? { textState: 'ready', sealedText } : { textState: 'gone', sealedText: null };
  }

  /** False where the mail has changed meanwhile, or its contact went into another: what was decided is of no use then. */
  async #save(mail: MailState, found: Match | undefined, text: Text): Promise<boolean> {
    try {
      return await this.#placed(mail, found, text);
    } catch (error) {
      if (isContactBusy(error)) return false;
      throw error;
    }
  }

  #placed(mail: MailState, found: Match | undefined, text: Text): Promise<boolean> {
    return this.database.write({ tenants: [mail.tenantId] }, async (tx) => {
      const [locked] = await relockMails(tx, [mail]);
      if (locked!.version !== mail.version) return false;
      const { count, events } = mail.toPlace ? await this.engagements.place(tx, mail, found) : { count: 1, events: [] };
      const none = { textState: 'none' as TextState, sealedText: null };
      const { textState, sealedText } = count > 0 ? text : none;
      const isNews = mail.toPlace || textState !== mail.textState;
      if (!isNews) return true;
      await Promise.all([
        saveMails(tx, [{ ...mail, direction: found?.direction ?? mail.direction, toPlace: false, textState, sealedText }]),
        this.engagements.say(tx, [mail], events),
        mail.toPlace && this.#minded(tx, mail, count),
      ]);
      return true;
    });
  }

  /** A mail that stands nowhere any more is to be forgotten in a while; one that stands somewhere again is not. */
  async #minded(tx: Tx, mail: MailState, count: number): Promise<void> {
    const now = this.clock.now();
    if (count > 0) await callBackForgetting(tx, mail);
    else await withdrawLater(tx, mail, now, new Date(now.getTime() + graceMs));
  }
}
