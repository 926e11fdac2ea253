// The command to look for a mail that was tracked by its Message-ID before anybody had seen it.
import { createHash } from 'node:crypto';
import { Controller, Inject } from '@nestjs/common';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import { idFromHash, isId } from '@rejoinder/base/id';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { FindMailSchema } from '@rejoinder/contracts/commands';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { hashBytes } from '@rejoinder/vault/hasher';
import { SearchStore } from './search-store.js';

const defaultSearchMs = 600_000;
const maxSearchMs = 86_400_000;

@Controller()
export class FindMailHandler {
  constructor(
    private readonly database: Database,
    private readonly searches: SearchStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(FindMailSchema)
  async findMail(batch: Received<typeof FindMailSchema>[]): Promise<Outcome | Outcome[]> {
    const good = batch.filter(({ message }) => isId(message.inboxId) && message.messageIdHash.length === hashBytes);
    await this.database.write({ tenants: batch.map(({ event }) => event.tenantId) }, async (tx) => {
      for (const { event, message } of good) {
        const { inboxId, messageIdHash, until } = message;
        const searchId = idFromHash(createHash('sha256').update(inboxId).update(messageIdHash).digest());
        await this.searches.ask(tx, {
          tenantId: event.tenantId,
          searchId,
          inboxId,
          messageIdHash: Buffer.from(messageIdHash),
          until: this.#until(until && timestampDate(until)),
          traceparent: event.traceparent,
        });
      }
    });
    return batch.map((received) => (good.includes(received) ? done : deadLetter('inbox_id or message_id_hash is wrong')));
  }

  #until(asked: Date | undefined): Date {
    const now = this.clock.now().getTime();
    return new Date(Math.min(asked?.getTime() ?? now + defaultSearchMs, now + maxSearchMs));
  }
}
