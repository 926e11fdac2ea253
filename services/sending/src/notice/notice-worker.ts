// Mails the owner of an inbox that needs a new password, once for each episode and never twice.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { backoffMs } from '@rejoinder/base/wait';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER } from '@rejoinder/runtime/tokens';
import { again, gaveUp, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { judge, Superseded, type Verdict } from '../delivery/attempt.js';
import { PeerClient } from '../peer-client.js';
import { noticeMail, type Episode } from './notice.js';
import { NoticeStore, type NoticeRow } from './notice-store.js';
import { RelayClient, type RelaySettings } from './relay-client.js';

const concurrency = 4;
const leaseMs = 120_000;
const firstRetryMs = 60_000;
const maxRetryMs = 3_600_000;
/** A relay that does not take it for this long has lost it: the console tells it all the same. */
const giveUpMs = 86_400_000;
/** The inbox is gone or needs no new password any more. */
const isOver = ({ kind, code }: Fault): boolean => kind === 'not_found' || code === 'NOT_DISCONNECTED';

@Injectable()
export class NoticeWorker {
  constructor(
    private readonly store: NoticeStore,
    private readonly peers: PeerClient,
    private readonly client: RelayClient,
    workers: Workers,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    if (client.relay)
      workers.add({
        name: 'notice',
        table: 'notice',
        key: 'inbox_id',
        concurrency,
        leaseMs,
        work: (job, signal) => this.work(job, signal),
      });
  }

  async work({ tenantId, key: inboxId, attempts }: Job, signal: AbortSignal): Promise<WorkOutcome> {
    const { relay } = this.client;
    const row = await this.store.get({ tenantId, inboxId });
    if (!relay || !row || row.sentAt) return workDone;
    // Begun and not ended: the process died meanwhile, and nobody knows whether it was sent.
    if (row.startedAt) return gaveUp('SEND_UNKNOWN');
    if (this.clock.now().getTime() - row.askedAt.getTime() > giveUpMs) return gaveUp('SEND_EXPIRED');
    const mail = await this.#mail(row, relay);
    if (!mail) return workDone;
    const begin = async () => {
      if (!(await this.store.start(row))) throw new Superseded();
    };
    return this.#settle(row, judge(await this.client.deliver(relay, mail, begin, signal)), attempts);
  }

  /** Undefined where the episode is over. */
  async #mail(row: NoticeRow, { from, publicUrl }: RelaySettings) {
    try {
      const { token, address, expiresAt } = await this.peers.reconnectLink(row.tenantId, row.inboxId, row.credentialVersion);
      return noticeMail(row as Episode, { address, url: `${publicUrl}/reconnect/${token}`, expiresAt }, from, this.clock.now());
    } catch (error) {
      if (!(error instanceof Fault) || !isOver(error)) throw error;
      await this.store.drop(row);
      return undefined;
    }
  }

  async #settle(row: NoticeRow, verdict: Verdict, attempts: number): Promise<WorkOutcome> {
    const reason = 'reason' in verdict ? verdict.reason : '';
    this.logger.info({ inboxId: row.inboxId, outcome: verdict.kind, reason }, 'told the owner of an inbox');
    switch (verdict.kind) {
      case 'sent':
        await this.store.end(row, true);
        return workDone;
      case 'unconfirmed':
        return gaveUp('SEND_UNKNOWN');
      case 'superseded':
        return again(this.clock.now(), 'superseded');
      case 'failed':
        return gaveUp(reason);
      default:
        await this.store.end(row, false);
        return again(new Date(this.clock.now().getTime() + backoffMs(attempts, firstRetryMs, maxRetryMs)), reason);
    }
  }
}
