// Commands about the text of one mail: read it, or drop what was read.
import { Controller } from '@nestjs/common';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, skip, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { CaptureMailSchema, DropMailSchema } from '@rejoinder/contracts/commands';
import { Database } from '@rejoinder/runtime/database';
import { CaptureStore, type CaptureWish } from './capture-store.js';

@Controller()
export class CaptureMailHandler {
  constructor(
    private readonly database: Database,
    private readonly captures: CaptureStore,
  ) {}

  @On(CaptureMailSchema)
  async captureMail(batch: Received<typeof CaptureMailSchema>[]): Promise<Outcome | Outcome[]> {
    const wishes = batch.map(({ event, message }): CaptureWish | undefined =>
      isId(message.inboxId) && isId(message.mailId)
        ? { ...message, tenantId: event.tenantId, historical: message.historical || event.historical, traceparent: event.traceparent }
        : undefined,
    );
    const refused = await this.database.write({ tenants: batch.map(({ event }) => event.tenantId) }, (tx) =>
      this.captures.ask(
        tx,
        wishes.filter((wish) => wish !== undefined),
      ),
    );
    return wishes.map((wish) => {
      if (!wish) return deadLetter('inbox_id or mail_id is no id');
      return refused.has(`${wish.tenantId}/${wish.mailId}`) ? skip('forgotten') : done;
    });
  }

  @On(DropMailSchema)
  async dropMail(batch: Received<typeof DropMailSchema>[]): Promise<Outcome | Outcome[]> {
    const good = batch.filter(({ message }) => isId(message.inboxId) && isId(message.mailId));
    await this.database.write({ tenants: batch.map(({ event }) => event.tenantId) }, async (tx) => {
      for (const { event, message } of good) await this.captures.drop(tx, { tenantId: event.tenantId, ...message });
    });
    return batch.map((received) => (good.includes(received) ? done : deadLetter('inbox_id or mail_id is no id')));
  }
}
