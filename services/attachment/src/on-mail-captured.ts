// MailCaptured: each attachment of the mail gets its record, pending or rejected as sync decided.
import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { Fault } from '@rejoinder/base/fault';
import { done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { AttachmentState, type AttachmentDeclared } from '@rejoinder/contracts/mail';
import { Database } from '@rejoinder/runtime/database';
import { Vault, type ToSeal } from '@rejoinder/vault/vault';
import { AttachmentStore, type Declared, type Tx } from './attachment-store.js';
import { factsBytes, factsPlace } from './facts.js';

@Controller()
export class OnMailCaptured {
  constructor(
    private readonly database: Database<Tx>,
    private readonly vault: Vault,
    private readonly store: AttachmentStore,
  ) {}

  @On(MailCapturedSchema)
  async handle(@Payload() batch: Received<typeof MailCapturedSchema>[]): Promise<Outcome | Outcome[]> {
    const parts = batch.flatMap(({ event, message }) => message.attachments.map((declared) => ({ event, message, declared })));
    if (parts.length === 0) return done;
    const toSeal = parts.map(({ event, declared }): ToSeal => ({
      at: factsPlace(event.tenantId, declared.attachmentId),
      plain: factsBytes(declared),
    }));
    const sealed = await this.vault.sealMany(toSeal);
    const records = parts.flatMap(({ event, message, declared }, index): Declared[] => {
      const sealedFacts = sealed[index]!;
      if (sealedFacts instanceof Fault) return refused(sealedFacts);
      const { tenantId, historical } = event;
      const { attachmentId, sizeBytes } = declared;
      return [{ tenantId, attachmentId, mailId: message.mailId, rejectedReason: reasonOf(declared), sizeBytes, sealedFacts, historical }];
    });
    const tenants = [...new Set(records.map(({ tenantId }) => tenantId))];
    if (tenants.length > 0) await this.database.write({ tenants }, (tx) => this.store.declare(tx, records));
    return done;
  }
}

function reasonOf({ state, reason }: AttachmentDeclared): string {
  return state === AttachmentState.REJECTED ? reason || 'gone' : '';
}

/** Of a tenant that was deleted nothing is kept; anything else is tried again. */
function refused(fault: Fault): [] {
  if (fault.kind === 'gone') return [];
  throw fault;
}
