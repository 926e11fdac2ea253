// SendAccepted: the files that a person attached belong to that mail from now on.
import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { isId } from '@rejoinder/base/id';
import { done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { SendAcceptedSchema } from '@rejoinder/contracts/events/sending';
import { Database } from '@rejoinder/runtime/database';
import type { Logger } from '@rejoinder/runtime/logging';
import { LOGGER } from '@rejoinder/runtime/tokens';
import { AttachmentStore, type Bound, type Tx } from './attachment-store.js';

@Controller()
export class OnSendAccepted {
  constructor(
    private readonly database: Database<Tx>,
    private readonly store: AttachmentStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @On(SendAcceptedSchema)
  async handle(@Payload() batch: Received<typeof SendAcceptedSchema>[]): Promise<Outcome | Outcome[]> {
    const files = batch.flatMap(({ event, message }) =>
      message.attachments
        .filter(({ attachmentId }) => isId(attachmentId))
        .map(({ attachmentId }): Bound => ({
          tenantId: event.tenantId,
          attachmentId,
          mailId: message.mailId,
          traceparent: event.traceparent,
        })),
    );
    if (files.length === 0) return done;
    const tenants = [...new Set(files.map(({ tenantId }) => tenantId))];
    const bound = await this.database.write({ tenants }, (tx) => this.store.bind(tx, files));
    if (bound < files.length) this.logger.info({ files: files.length, bound }, 'some files were bound before or are gone');
    return done;
  }
}
