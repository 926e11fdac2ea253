// The command to put the copy of a sent mail where the person looks for it.
import { Controller, Inject } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { FileSentCopySchema } from '@rejoinder/contracts/commands';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK, SETTINGS } from '@rejoinder/runtime/tokens';
import type { SyncSettings } from '../config.js';
import { SentCopyStore } from './sent-copy-store.js';

@Controller()
export class FileSentCopyHandler {
  constructor(
    private readonly database: Database,
    private readonly copies: SentCopyStore,
    @Inject(SETTINGS) private readonly settings: SyncSettings,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(FileSentCopySchema)
  async fileSentCopy(batch: Received<typeof FileSentCopySchema>[]): Promise<Outcome | Outcome[]> {
    const good = batch.filter(({ message }) => [message.inboxId, message.sendId, message.mailId].every(isId));
    // The provider's own copy is given a moment.
    const dueAt = new Date(this.clock.now().getTime() + this.settings.sentCopyWaitSeconds * 1_000);
    await this.database.write({ tenants: batch.map(({ event }) => event.tenantId) }, async (tx) => {
      for (const { event, message } of good)
        await this.copies.ask(tx, { ...message, tenantId: event.tenantId, traceparent: event.traceparent }, dueAt);
    });
    return batch.map((received) => (good.includes(received) ? done : deadLetter('an id is no id')));
  }
}
