// Takes delivery reports that were read: what they say of a send's recipients stands with that send.
import { Controller } from '@nestjs/common';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { MailKind } from '@rejoinder/contracts/mail';
import { Vault } from '@rejoinder/vault/vault';
import { reportsOf, sendNamedBy } from './report.js';
import { ReportStore, sendKey, type NewReport } from './report-store.js';

type Captured = Received<typeof MailCapturedSchema>;

@Controller()
export class OnMailCaptured {
  constructor(
    private readonly store: ReportStore,
    private readonly vault: Vault,
  ) {}

  @On(MailCapturedSchema)
  async mailCaptured(batch: Captured[]): Promise<Outcome | Outcome[]> {
    const naming = batch.flatMap((one) => {
      const { mailId, kind, aboutMessageId: messageId } = one.message;
      const sendId = kind === MailKind.DELIVERY_REPORT && isId(mailId) ? sendNamedBy(messageId) : undefined;
      return sendId !== undefined && isId(sendId) ? [{ ...one, tenantId: one.event.tenantId, sendId, messageId }] : [];
    });
    if (naming.length > 0) {
      const recipients = await this.store.recipients(naming);
      const hashers = await this.vault.hashers(naming.map(({ tenantId }) => tenantId));
      const reports = naming.flatMap(({ event, message, ...named }): NewReport[] => {
        const [hasher, known] = [hashers.get(named.tenantId), recipients.get(sendKey(named))];
        if (!hasher || !known) return [];
        const reportedAt = message.receivedAt ? timestampDate(message.receivedAt) : event.time;
        const of = { tenantId: named.tenantId, sendId: named.sendId, reportMailId: message.mailId, reportedAt };
        const told = reportsOf(message.deliveries, known, (address) => hasher.hash('address', address));
        return told.map((one) => ({ ...of, ...one, traceparent: event.traceparent }));
      });
      await this.store.take(reports);
    }
    return batch.map(({ message }) => (isId(message.mailId) ? done : deadLetter('malformed')));
  }
}
