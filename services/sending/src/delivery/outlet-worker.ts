// Works an outlet: settles what earlier attempts left behind, then hands the due mails of one inbox to its server over one SMTP session.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { backoffMs } from '@rejoinder/base/wait';
import { explain } from '@rejoinder/contracts/catalogue';
import type { Logger } from '@rejoinder/runtime/logging';
import { openMailNetwork, type MailNetwork } from '@rejoinder/runtime/mail-settings';
import { CLOCK, LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import { inSpan } from '@rejoinder/runtime/trace';
import { again, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { judge, refusesCredential, type Verdict } from './attempt.js';
import { composeMail, wireAddress } from '../mail/compose.js';
import type { SendingSettings } from '../config.js';
import { ContentBox, type MovedContent } from '../mail/content-box.js';
import { recipientsOf } from '../mail/content.js';
import { DeliveryStore, type OutletKey, type SendInHand } from './delivery-store.js';
import { judgeLeftover } from './leftover.js';
import { PeerClient, type SmtpCredential } from '../peer-client.js';
import type { Ending } from '../settlement-store.js';
import { SmtpClient } from './smtp-client.js';

const sendsPerClaim = 20;
const leftoversPerClaim = 100;
/** After this no further mail is begun under one claim. */
const claimMs = 60_000;
/** One mail, with its attachments, over a slow line. */
const sendMs = 180_000;
/** Longer than a claim, its last mail and the login together. */
const leaseMs = 300_000;
const refusalPauseMs = 60_000;
const firstConnectRetryMs = 5_000;
const maxConnectRetryMs = 300_000;
const newsMs = 10_000;
/** The server is to be left alone for a while; our own file is there again as soon as the process that has it. */
const firstSendRetryMs = 60_000;
const firstFileRetryMs = 5_000;
const maxSendRetryMs = 3_600_000;
/** A mail that the server does not take for this long is given up. */
const giveUpMs = 86_400_000;

@Injectable()
export class OutletWorker {
  readonly #network: MailNetwork;

  constructor(
    private readonly store: DeliveryStore,
    private readonly box: ContentBox,
    private readonly peers: PeerClient,
    workers: Workers,
    @Inject(SETTINGS) private readonly settings: SendingSettings,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#network = openMailNetwork(settings);
    workers.add({
      name: 'outlet',
      table: 'outlet',
      key: 'inbox_id',
      concurrency: settings.sessions,
      leaseMs,
      work: (job, signal, stopping) => this.work(job, signal, stopping),
    });
  }

  async work(job: Job, signal: AbortSignal, stopping: AbortSignal): Promise<WorkOutcome> {
    const outlet = { tenantId: job.tenantId, inboxId: job.key };
    const row = await this.store.outlet(outlet);
    if (!row) return workDone;
    await this.#tidy(outlet, row.state === 'removed');
    if (row.state !== 'ready') return this.#done(outlet, false);
    const nextLogin = row.refusedAt && new Date(row.refusedAt.getTime() + refusalPauseMs);
    if (nextLogin && nextLogin > this.clock.now()) return again(nextLogin, 'AUTH_REJECTED');
    const due = await this.store.due(outlet, sendsPerClaim);
    return due.length === 0 ? this.#done(outlet, false) : this.#deliverAll(outlet, due, job.attempts, { signal, stopping });
  }

  async #tidy(outlet: OutletKey, isRemoved: boolean): Promise<void> {
    for (const send of await this.store.leftovers(outlet, isRemoved, leftoversPerClaim)) {
      const verdict = judgeLeftover(send, isRemoved);
      if (verdict === 'retake') await this.store.putOff(send, this.clock.now(), send.reason);
      else if (verdict) await this.#end(send, verdict);
    }
  }

  /** A process that is to end finishes the mail it is at, and leaves the others to the next. */
  async #deliverAll(
    outlet: OutletKey,
    due: SendInHand[],
    attempts: number,
    { signal, stopping }: { signal: AbortSignal; stopping: AbortSignal },
  ): Promise<WorkOutcome> {
    const until = this.clock.now().getTime() + claimMs;
    let credential: SmtpCredential | undefined;
    let session: SmtpClient | undefined;
    try {
      credential = await this.peers.credential(outlet.tenantId, outlet.inboxId);
      for (const send of due) {
        if (signal.aborted || stopping.aborted || this.clock.now().getTime() > until) break;
        if (!session?.alive) ({ session, credential } = await this.#open(outlet, credential));
        const [open, as] = [session, credential];
        const verdict = await inSpan('attempt', send.traceparent, () => this.#attempt(open, as, send, signal));
        if (verdict?.kind === 'login_refused') return await this.#refused(outlet, credential, verdict.reason);
      }
      return await this.#done(outlet, session !== undefined);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return credential && refusesCredential(error)
        ? await this.#refused(outlet, credential, error.code)
        : await this.#unreached(outlet, due, attempts, error);
    } finally {
      session?.close();
    }
  }

  /** An access token that is refused before its time tells nothing of the grant behind it: the next one does. */
  async #open(outlet: OutletKey, credential: SmtpCredential): Promise<{ session: SmtpClient; credential: SmtpCredential }> {
    const open = async (as: SmtpCredential) => ({
      session: await SmtpClient.open(as.login, this.#network, this.settings.answerSeconds * 1_000),
      credential: as,
    });
    return open(credential).catch(async (error: unknown) => {
      if (!(error instanceof Fault) || error.code !== 'OAUTH_REJECTED') throw error;
      return open(await this.peers.credential(outlet.tenantId, outlet.inboxId, credential.login));
    });
  }

  /** One mail over the session; undefined where it is no longer to be sent. */
  async #attempt(session: SmtpClient, { address }: SmtpCredential, send: SendInHand, signal: AbortSignal): Promise<Verdict | undefined> {
    const sealed = await this.store.content(send);
    const taken = sealed && (await this.store.take(send));
    if (!taken) return undefined;
    const content = await this.box.open(taken, { sealed });
    const mime = composeMail(content, ({ attachmentId }) => this.peers.download(send.tenantId, attachmentId));
    const envelope = { from: wireAddress(address), to: recipientsOf(content).map(wireAddress) };
    const limited = AbortSignal.any([signal, AbortSignal.timeout(sendMs)]);
    const verdict = judge(await session.deliver(envelope, mime, () => this.store.journal(taken), limited));
    await this.#settle(taken, verdict, sealed);
    this.logger.info(
      {
        sendId: send.sendId,
        mailId: send.mailId,
        attempt: taken.attempts,
        outcome: verdict.kind,
        reason: 'reason' in verdict ? verdict.reason : undefined,
      },
      'attempted',
    );
    return verdict;
  }

  async #settle(send: SendInHand, verdict: Verdict, sealed: Uint8Array): Promise<void> {
    switch (verdict.kind) {
      case 'sent':
        return this.#end(send, { state: 'sent', refused: verdict.refused }, sealed);
      case 'failed':
        return this.#end(send, { state: 'failed', reason: verdict.reason }, sealed);
      case 'unconfirmed':
        return this.#end(send, { state: 'unconfirmed' });
      case 'retry':
        return this.#retry(send, verdict.reason);
      case 'login_refused':
        return this.store.putOff(send, this.clock.now(), verdict.reason);
      case 'superseded':
        return undefined;
    }
  }

  async #retry(send: SendInHand, reason: string): Promise<void> {
    if (this.#isExpired(send)) return this.#end(send, { state: 'failed', reason: 'SEND_EXPIRED' });
    const waitMs = backoffMs(send.attempts, reason === 'ATTACHMENT_WAITS' ? firstFileRetryMs : firstSendRetryMs, maxSendRetryMs);
    await this.store.putOff(send, new Date(this.clock.now().getTime() + waitMs), reason);
  }

  /** What is over moves to the day on which it was settled; what is unconfirmed may have to be sent again. */
  async #end(send: SendInHand, ending: Ending, known?: Uint8Array): Promise<void> {
    const sealed = ending.state === 'unconfirmed' ? undefined : (known ?? (await this.store.content(send)));
    const moved: MovedContent | undefined = sealed && (await this.box.move(send, sealed));
    await this.store.end(send, ending, moved);
  }

  async #refused(outlet: OutletKey, { version }: SmtpCredential, reason: string): Promise<WorkOutcome> {
    const next = await this.store.refused(outlet, version, reason);
    this.logger.warn({ inboxId: outlet.inboxId, reason, waits: next === undefined }, 'SMTP login refused');
    return next ? again(next, reason) : workDone;
  }

  /** Network trouble is no alarm: the sends wait, a day at the most. */
  async #unreached(outlet: OutletKey, due: SendInHand[], attempts: number, fault: Fault): Promise<WorkOutcome> {
    // No inbox any more, or its grant was withdrawn: the event that says so is on its way, and what waits waits for a person.
    if (fault.kind === 'gone' || fault.kind === 'not_found') return again(new Date(this.clock.now().getTime() + newsMs), fault.code);
    // Where connections is away the trouble is in this house: nothing that a person could mend.
    await this.store.markUnreached(outlet, due, explain(fault.code) ? fault.code : '');
    for (const send of due.filter((one) => this.#isExpired(one))) await this.#end(send, { state: 'failed', reason: 'SEND_EXPIRED' });
    const waitMs = fault.retryAfterMs ?? backoffMs(attempts, firstConnectRetryMs, maxConnectRetryMs);
    return again(new Date(this.clock.now().getTime() + waitMs), fault.code);
  }

  async #done(outlet: OutletKey, loggedIn: boolean): Promise<WorkOutcome> {
    await this.store.askAgain(outlet, loggedIn);
    return workDone;
  }

  #isExpired({ firstTriedAt }: SendInHand): boolean {
    return firstTriedAt !== null && this.clock.now().getTime() - firstTriedAt.getTime() > giveUpMs;
  }
}
