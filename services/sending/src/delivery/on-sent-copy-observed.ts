// Takes copies of our sends that sync saw in the sending inbox: what nobody confirmed was sent after all.
import { Controller } from '@nestjs/common';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { SentCopyObservedSchema } from '@rejoinder/contracts/events/sync';
import { OutletStore } from './outlet-store.js';

type Observed = Received<typeof SentCopyObservedSchema>;

@Controller()
export class OnSentCopyObserved {
  constructor(private readonly store: OutletStore) {}

  @On(SentCopyObservedSchema)
  async sentCopyObserved(batch: Observed[]): Promise<Outcome | Outcome[]> {
    const isWhole = ({ message: { inboxId, sendId, mailId } }: Observed) => [inboxId, sendId, mailId].every(isId);
    const copies = batch.filter(isWhole).map(({ event, message: { inboxId, sendId, mailId, inSentFolder } }) => {
      return { tenantId: event.tenantId, inboxId, sendId, mailId, inSent: inSentFolder };
    });
    if (copies.length > 0) await this.store.takeCopies(copies);
    return batch.map((one) => (isWhole(one) ? done : deadLetter('an id is missing')));
  }
}
