// Places a mail on its contacts, then fetches its text, cleans and seals it.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { again, gaveUp, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { EngagementWriter } from './engagement-writer.js';
import { callBackForgetting, withdrawLater } from './forget-store.js';
import { HtmlCleaner } from './html-cleaner.js';
import { ownAddresses } from './inbox-store.js';
import { isVisible, type MailState, type TextState } from './mail-state.js';
import { lockMails, readMails, saveMails } from './mail-store.js';
import { match, type Match } from './match.js';
import type { Tx } from './rows.js';
import { factsRow, Sealed, textRow, type MailFacts, type MailText } from './sealed.js';
import { TextClient } from './text-client.js';

/** About a week of tries at the longest backoff: sync keeps a text no longer. */
const maxAttempts = 2_000;
/** A mail that nobody has on a timeline any more may come back within this time; then its files and text are forgotten everywhere. */
const graceMs = 3_600_000;

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
    const key = { tenantId: job.tenantId, mailId: job.key };
    let [mail] = await this.database.read({ tenants: [job.tenantId] }, (tx) => readMails(tx, [key]));
    if (mail?.toPlace) mail = await this.#place(mail);
    if (!mail) return again(this.clock.now(), 'changed');
    if (mail.textState !== 'pending') return workDone;
    return this.#fetch(mail, job.attempts, signal);
  }

  /** Undefined where the mail has changed meanwhile: what was decided is of no use then. */
  async #place(mail: MailState): Promise<MailState | undefined> {
    const found = isVisible(mail) ? await this.#factsOf(mail) : undefined;
    return this.database.write({ tenants: [mail.tenantId] }, async (tx) => {
      const now = this.clock.now();
      const [locked] = await lockMails(tx, [mail], now);
      if (locked!.version !== mail.version) return undefined;
      const count = await this.engagements.place(tx, mail, found && (await this.#match(tx, mail, found)));
      const textState: TextState = count === 0 ? 'none' : mail.textState === 'none' ? 'pending' : mail.textState;
      const placed = { ...mail, toPlace: false, textState, sealedText: count === 0 ? null : mail.sealedText };
      await saveMails(tx, [placed]);
      if (count > 0) await callBackForgetting(tx, mail);
      else if (!mail.forgotten) await withdrawLater(tx, mail, now, new Date(now.getTime() + graceMs));
      return { ...placed, version: mail.version + 1 };
    });
  }

  async #factsOf(mail: MailState): Promise<MailFacts | undefined> {
    const [facts] = await this.sealed.openMany<MailFacts>([
      { tenantId: mail.tenantId, row: factsRow(mail.mailId), value: mail.sealedFacts },
    ]);
    return facts;
  }

  async #match(tx: Tx, { tenantId, source, kind }: MailState, facts: MailFacts): Promise<Match> {
    return match({ ...facts, source: source!, kind }, await ownAddresses(tx, tenantId));
  }

  async #fetch(mail: MailState, attempts: number, signal: AbortSignal): Promise<WorkOutcome> {
    if (attempts > maxAttempts) {
      await this.#save(mail, 'failed', null);
      return gaveUp('text_not_read');
    }
    const text = await this.texts.read(mail.source!, mail.tenantId, mail.mailId, signal);
    const value = text && (await this.#cleaned(text));
    const [sealedText] = value ? await this.sealed.sealMany([{ tenantId: mail.tenantId, row: textRow(mail.mailId), value }]) : [];
    const isSaved = await this.#save(mail, sealedText ? 'ready' : 'gone', sealedText ?? null);
    return isSaved ? workDone : again(this.clock.now(), 'changed');
  }

  async #cleaned({ text, html }: MailText): Promise<MailText> {
    if (html === '') return { text, html };
    const clean = await this.cleaner.clean(html);
    return { text: text.trim() === '' ? clean.text : text, html: clean.html };
  }

  #save(mail: MailState, textState: TextState, sealedText: string | null): Promise<boolean> {
    return this.database.write({ tenants: [mail.tenantId] }, async (tx) => {
      const [locked] = await lockMails(tx, [mail], this.clock.now());
      const isWanted =
        locked!.textState === 'pending' && locked!.source === mail.source && locked!.sealedFacts === mail.sealedFacts && !locked!.toPlace;
      if (!isWanted) return false;
      await saveMails(tx, [{ ...locked!, textState, sealedText }]);
      await this.engagements.say(tx, [mail]);
      return true;
    });
  }
}
