// Has a mail forgotten by everyone who keeps something of it, until each has answered.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { Database } from '@rejoinder/runtime/database';
import type { Logger } from '@rejoinder/runtime/logging';
import { Peers } from '@rejoinder/runtime/peers';
import { CLOCK, LOGGER } from '@rejoinder/runtime/tokens';
import { again, workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { backoffMs } from '@rejoinder/base/wait';
import { engagementsOf } from '../engagement/engagement-store.js';
import { beginForgetting, callBackForgetting, forgettingOf, saveForgotten, type Forgetting } from './forget-store.js';
import { forgetMail, lockMails, type MailKey } from '../mail/mail-store.js';
import type { Tx } from '../tx.js';

const owners = ['attachment', 'sync', 'sending', 'threading'] as const;
const deadlineMs = 10_000;
const firstRetryMs = 1_000;
const maxRetryMs = 300_000;

@Injectable()
export class ForgetWorker {
  constructor(
    private readonly database: Database<Tx>,
    private readonly peers: Peers,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    workers: Workers,
  ) {
    workers.add({ name: 'forget', table: 'forgetting', key: 'mail_id', concurrency: 4, leaseMs: 60_000, work: (job) => this.#work(job) });
  }

  async #work({ tenantId, key, attempts }: Job): Promise<WorkOutcome> {
    const mail = { tenantId, mailId: key };
    const row = await this.#begin(mail);
    if (!row) return workDone;
    const missing = owners.filter((owner) => !row.forgottenBy.includes(owner));
    const answers = await Promise.all(missing.map((owner) => this.#ask(owner, mail)));
    const forgottenBy = [...row.forgottenBy, ...missing.filter((_, at) => answers[at])];
    const isDone = forgottenBy.length === owners.length;
    const now = this.clock.now();
    await this.database.write({ tenants: [tenantId] }, (tx) => saveForgotten(tx, mail, forgottenBy, isDone ? now : null));
    return isDone ? workDone : again(new Date(now.getTime() + backoffMs(attempts, firstRetryMs, maxRetryMs)), 'not_everyone_answered');
  }

  /** Our own copy goes first. A withdrawn mail that stands on a timeline again is left alone. */
  #begin(mail: MailKey): Promise<Forgetting | undefined> {
    return this.database.write({ tenants: [mail.tenantId] }, async (tx) => {
      const now = this.clock.now();
      const [locked] = await lockMails(tx, [mail], now);
      const row = await forgettingOf(tx, mail);
      if (!row) return undefined;
      if (row.begunAt === null && (await engagementsOf(tx, mail)).length > 0) {
        await callBackForgetting(tx, mail);
        return undefined;
      }
      await beginForgetting(tx, mail, now);
      if (!locked!.forgotten) await forgetMail(tx, locked!);
      return row;
    });
  }

  async #ask(owner: (typeof owners)[number], { tenantId, mailId }: MailKey): Promise<boolean> {
    try {
      await this.peers.storeOf(owner).forget({ tenantId, mailIds: [mailId] }, { deadlineMs });
      return true;
    } catch (error) {
      this.logger.warn({ error, owner, mailId }, 'did not answer that it has forgotten; it will be asked again');
      return false;
    }
  }
}
