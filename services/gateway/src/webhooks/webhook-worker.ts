// Works a webhook: tells its receiver what is due, a few events at once, until nothing is or the receiver is to be left alone.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import type { Private } from '@rejoinder/base/private';
import { count } from '@rejoinder/runtime/count';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, HOUSE_SETTINGS, LOGGER } from '@rejoinder/runtime/tokens';
import { again, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { DeliveryStore, type Due, type Settled, type Standing } from './delivery-store.js';
import { Receiver, ReceiverClient } from './receiver-client.js';
import { SecretBox } from './secret-box.js';
import { eventWaitMs, judge, webhookWaitMs, type Verdict } from './verdict.js';
import { bodyOf, triedForMs } from './webhook.js';
import type { WebhookRow } from './webhook-store.js';

/** Webhooks at once in this process: far more than one tenant may have, so that slow receivers of one leave room for all. */
const concurrency = 50;
/** Events at once for one webhook; one where the last round failed, to see whether it is there again. */
const roundEvents = 8;
/** After this no further round is begun under one claim. */
const claimMs = 10_000;
/** Longer than a claim and its last round together. */
const leaseMs = 60_000;

@Injectable()
export class WebhookWorker {
  readonly #triedForMs: number;

  constructor(
    private readonly store: DeliveryStore,
    private readonly client: ReceiverClient,
    private readonly secrets: SecretBox,
    workers: Workers,
    @Inject(HOUSE_SETTINGS) house: HouseSettings,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#triedForMs = triedForMs(house.wireDays);
    const work = (job: Job, signal: AbortSignal, stopping: AbortSignal) => this.work(job, signal, stopping);
    workers.add({ name: 'webhook', table: 'webhook', key: 'webhook_id', concurrency, leaseMs, work });
  }

  async work({ tenantId, key: webhookId }: Job, signal: AbortSignal, stopping: AbortSignal): Promise<WorkOutcome> {
    const until = this.clock.now().getTime() + claimMs;
    let receiver: Receiver | { code: string } | undefined;
    let url: string | undefined;
    try {
      while (!signal.aborted && !stopping.aborted && this.clock.now().getTime() < until) {
        const found = await this.store.look({ tenantId, webhookId }, roundEvents);
        if (found?.row.state !== 'on') return workDone;
        const { row } = found;
        if (row.waitUntil && row.waitUntil > this.clock.now()) return again(row.waitUntil, 'waits');
        const due = found.due.slice(0, row.failures > 0 ? 1 : roundEvents);
        if (due.length === 0) return await this.#rest(row);
        if (url !== row.url) {
          if (receiver instanceof Receiver) receiver.close();
          receiver = await this.client.open(row.url);
          ({ url } = row);
        }
        await this.#round(row, due, receiver!, signal);
      }
      return again(this.clock.now(), 'more');
    } finally {
      if (receiver instanceof Receiver) receiver.close();
    }
  }

  async #rest(row: WebhookRow): Promise<WorkOutcome> {
    const at = await this.store.nextAt(row);
    return at ? again(at, 'later') : workDone;
  }

  async #round(row: WebhookRow, due: Due[], receiver: Receiver | { code: string }, signal: AbortSignal): Promise<void> {
    const secrets = await this.secrets.open(row, this.clock.now());
    const told = await Promise.all(due.map(async (one) => ({ one, came: await this.#tell(one, receiver, secrets, signal) })));
    const verdicts = told.flatMap(({ came }) => (typeof came === 'object' ? came : []));
    const settled = told.flatMap(({ one, came }) =>
      came === 'unknown' ? [] : came === 'too late' ? tooLate(one, this.clock.now()) : this.#settled(one, came),
    );
    const standing = this.#standing(row, verdicts);
    await this.store.settle(row, settled, standing);
    this.#report(row, settled, standing);
  }

  /**
   * Too late: it waited too long, while the webhook was paused, or the feed has it no longer. Unknown: the signal fired, so it is told once more, under
   * the same id.
   */
  async #tell(
    { eventId, type, facts, askedAt }: Due,
    receiver: Receiver | { code: string },
    secrets: readonly Private<string>[],
    signal: AbortSignal,
  ): Promise<Verdict | 'too late' | 'unknown'> {
    const at = this.clock.now();
    if (!facts || this.#isOver(askedAt, at)) return 'too late';
    if (!(receiver instanceof Receiver)) return judge(receiver, at);
    const answer = await receiver.tell({ id: eventId, at, body: bodyOf(type, facts) }, secrets, signal);
    return signal.aborted && !('status' in answer) ? 'unknown' : judge(answer, at);
  }

  #settled({ eventId, tries, askedAt }: Due, { kind, status, reason }: Verdict): Settled {
    const now = this.clock.now();
    const tried = { eventId, askedAt, tryAt: now, isTried: true, status, reason };
    if (kind === 'taken') return { ...tried, state: 'taken' };
    const tryAt = new Date(now.getTime() + eventWaitMs(kind, tries + 1));
    return { ...tried, tryAt, state: this.#isOver(askedAt, tryAt) ? 'given_up' : 'waiting' };
  }

  #isOver(askedAt: Date, at: Date): boolean {
    return at.getTime() - askedAt.getTime() >= this.#triedForMs;
  }

  #standing(row: WebhookRow, verdicts: Verdict[]): Standing {
    const now = this.clock.now();
    const { failures, failingSince, reason } = row;
    if (verdicts.length === 0) return { failures, waitUntil: null, failingSince, reason, isOff: false };
    const isTaken = verdicts.some(({ kind }) => kind === 'taken');
    const next = isTaken
      ? { failures: 0, failingSince: null, reason: '' }
      : { failures: failures + 1, failingSince: failingSince ?? now, reason: verdicts[0]!.reason };
    const waitMs = webhookWaitMs(verdicts, next.failures);
    const waitUntil = waitMs > 0 ? new Date(now.getTime() + waitMs) : null;
    if (verdicts.some(({ kind }) => kind === 'gone')) return { ...next, waitUntil, reason: 'WEBHOOK_GONE', isOff: true };
    if (next.failingSince && this.#isOver(next.failingSince, now)) return { ...next, waitUntil, reason: 'WEBHOOK_FAILING', isOff: true };
    return { ...next, waitUntil, isOff: false };
  }

  #report({ webhookId }: WebhookRow, settled: Settled[], { isOff, reason }: Standing): void {
    const of = (state: Settled['state']) => settled.filter((one) => one.state === state);
    const failed = [...of('waiting'), ...of('given_up')];
    for (const [name, some] of [
      ['taken', of('taken')],
      ['failed', failed],
      ['given_up', of('given_up')],
    ] as const) {
      if (some.length > 0) count(`rejoinder.gateway.webhooks.${name}`, some.length);
    }
    const reasons = [...new Set(failed.map(({ reason }) => reason))];
    if (failed.length > 0) this.logger.info({ webhookId, failed: failed.length, reasons }, 'a webhook was not taken');
    if (!isOff) return;
    count('rejoinder.gateway.webhooks.switched_off');
    this.logger.warn({ webhookId, reason }, 'a webhook was switched off');
  }
}

function tooLate({ eventId, askedAt, facts }: Due, now: Date): Settled {
  const reason = facts ? 'WEBHOOK_EXPIRED' : 'WEBHOOK_EVENT_GONE';
  return { eventId, askedAt, state: 'given_up', tryAt: now, isTried: false, status: null, reason };
}
