// Takes threading's verdicts: what is tracked stays, what no longer is goes, and threads that became one are called by one name.
import { Controller } from '@nestjs/common';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { MailTrackedSchema, MailUntrackedSchema, ThreadMergedSchema } from '@rejoinder/contracts/events/threading';
import { Database } from '@rejoinder/runtime/database';
import { EngagementWriter } from './engagement/engagement-writer.js';
import { mergeThread } from './mail/mail-store.js';
import { MailWriter, type ToldOf } from './mail/mail-writer.js';
import type { Tx } from './tx.js';

@Controller()
export class OnTracking {
  constructor(
    private readonly database: Database<Tx>,
    private readonly mails: MailWriter,
    private readonly engagements: EngagementWriter,
  ) {}

  @On(MailTrackedSchema)
  async mailTracked(batch: Received<typeof MailTrackedSchema>[]): Promise<Outcome | Outcome[]> {
    const sound = batch.filter(({ message }) => isId(message.mailId) && isId(message.threadId));
    const told = sound.map(({ event, message: { mailId, threadId, revision, because } }): ToldOf => {
      return {
        tenantId: event.tenantId,
        mailId,
        told: { kind: 'tracked', revision: Number(revision), threadId, knownOnly: because === 'contact' },
        traceparent: event.traceparent,
      };
    });
    await this.#take(told);
    return batch.map((one) => (sound.includes(one) ? done : deadLetter('malformed')));
  }

  @On(MailUntrackedSchema)
  async mailUntracked(batch: Received<typeof MailUntrackedSchema>[]): Promise<Outcome | Outcome[]> {
    const sound = batch.filter(({ message }) => isId(message.mailId));
    const told = sound.map(({ event, message: { mailId, revision } }): ToldOf => {
      return { tenantId: event.tenantId, mailId, told: { kind: 'untracked', revision: Number(revision) }, traceparent: event.traceparent };
    });
    await this.#take(told);
    return batch.map((one) => (sound.includes(one) ? done : deadLetter('malformed')));
  }

  @On(ThreadMergedSchema)
  async threadMerged(batch: Received<typeof ThreadMergedSchema>[]): Promise<Outcome | Outcome[]> {
    const sound = batch.filter(({ message }) => isId(message.threadId) && isId(message.mergedThreadId));
    const tenants = [...new Set(sound.map(({ event }) => event.tenantId))];
    if (sound.length === 0) return deadLetter('malformed');
    await this.database.write({ tenants }, async (tx) => {
      for (const { event, message } of sound.toSorted((one, other) => (one.event.tenantId < other.event.tenantId ? -1 : 1))) {
        await this.engagements.move(tx, await mergeThread(tx, event.tenantId, message.mergedThreadId, message.threadId));
      }
    });
    return batch.map((one) => (sound.includes(one) ? done : deadLetter('malformed')));
  }

  async #take(told: ToldOf[]): Promise<void> {
    const tenants = [...new Set(told.map(({ tenantId }) => tenantId))];
    if (told.length > 0) await this.database.write({ tenants }, (tx) => this.mails.take(tx, told));
  }
}
