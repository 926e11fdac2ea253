// Takes our own sends as roots; whoever answered one before this word came is judged again.
import { Controller, Inject } from '@nestjs/common';
import { isId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { SendAcceptedSchema, type SendAccepted } from '@rejoinder/contracts/events/sending';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Tx } from './tx.js';
import { SightingWriter } from './graph/sighting-writer.js';
import { sendingOf } from './graph/sighting.js';

@Controller()
export class OnSendAccepted {
  constructor(
    private readonly database: Database<Tx>,
    private readonly sightings: SightingWriter,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(SendAcceptedSchema)
  async sendAccepted(batch: Received<typeof SendAcceptedSchema>[]): Promise<Outcome | Outcome[]> {
    const sound = batch.filter(({ message }) => isSound(message));
    const sightings = sound.map(({ event, message }) => sendingOf(event.tenantId, message, this.clock.now()));
    const traces = new Map(sound.map(({ event, message }) => [message.mailId, event.traceparent]));
    const tenants = [...new Set(sound.map(({ event }) => event.tenantId))];
    if (sightings.length > 0) {
      await this.database.write({ tenants }, (tx) => this.sightings.take(tx, sightings, ({ mailId }) => traces.get(mailId)));
    }
    return batch.map(({ message }) => (isSound(message) ? done : deadLetter('malformed')));
  }
}

function isSound({ mailId, sendId, messageIdHash }: SendAccepted): boolean {
  return isId(mailId) && isId(sendId) && messageIdHash.length > 0;
}
