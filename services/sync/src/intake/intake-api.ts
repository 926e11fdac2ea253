// Answers what an inbox's logging address is, and what was held back of the mail that came by such addresses.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import type {
  DiscardQuarantinedRequest,
  GetLoggingAddressRequest,
  ListQuarantineRequest,
  ListQuarantineResponseSchema,
  ReleaseQuarantinedRequest,
  RenewLoggingAddressRequest,
} from '@rejoinder/contracts/api/sync';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { SyncSettings } from '../config.js';
import { AddressStore } from './address-store.js';
import { QuarantineStore } from './quarantine-store.js';

const defaultPage = 50;
const maxPage = 200;

@Controller()
export class IntakeApi {
  constructor(
    private readonly addresses: AddressStore,
    private readonly quarantine: QuarantineStore,
    @Inject(SETTINGS) private readonly settings: Pick<SyncSettings, 'intakeDomain'>,
  ) {}

  @GrpcMethod('SyncService', 'GetLoggingAddress')
  async getLoggingAddress({ tenantId, inboxId }: GetLoggingAddressRequest): Promise<{ address: string }> {
    checkIds(tenantId, inboxId);
    return this.#told((local) => local.get(tenantId, inboxId));
  }

  @GrpcMethod('SyncService', 'RenewLoggingAddress')
  async renewLoggingAddress({ tenantId, inboxId }: RenewLoggingAddressRequest): Promise<{ address: string }> {
    checkIds(tenantId, inboxId);
    return this.#told((local) => local.renew(tenantId, inboxId));
  }

  @GrpcMethod('SyncService', 'ListQuarantine')
  async listQuarantine({
    tenantId,
    pageSize,
    pageToken,
  }: ListQuarantineRequest): Promise<MessageInitShape<typeof ListQuarantineResponseSchema>> {
    checkIds(tenantId, ...(pageToken === '' ? [] : [pageToken]));
    const limit = Math.min(pageSize > 0 ? pageSize : defaultPage, maxPage);
    const mails = await this.quarantine.list(tenantId, pageToken || null, limit);
    return {
      mails: mails.map(({ intakeId, inboxId, reason, receivedAt, sizeBytes, from, subject }) => ({
        quarantineId: intakeId,
        inboxId,
        reason,
        receivedAt: timestampFromDate(receivedAt),
        sizeBytes: BigInt(sizeBytes),
        from,
        subject,
      })),
      nextPageToken: mails.length === limit ? mails.at(-1)!.intakeId : '',
    };
  }

  @GrpcMethod('SyncService', 'ReleaseQuarantined')
  async releaseQuarantined({ tenantId, quarantineId }: ReleaseQuarantinedRequest): Promise<Record<string, never>> {
    checkIds(tenantId, quarantineId);
    await this.quarantine.release(tenantId, quarantineId);
    return {};
  }

  @GrpcMethod('SyncService', 'DiscardQuarantined')
  async discardQuarantined({ tenantId, quarantineId }: DiscardQuarantinedRequest): Promise<Record<string, never>> {
    checkIds(tenantId, quarantineId);
    await this.quarantine.discard(tenantId, quarantineId);
    return {};
  }

  async #told(ask: (addresses: AddressStore) => Promise<string | undefined>): Promise<{ address: string }> {
    const { intakeDomain } = this.settings;
    if (intakeDomain === undefined) throw faultOf('INTAKE_OFF');
    const localPart = await ask(this.addresses);
    if (localPart === undefined) throw faultOf('INBOX_NOT_FOUND');
    return { address: `${localPart}@${intakeDomain.toLowerCase()}` };
  }
}

function checkIds(...ids: string[]): void {
  if (!ids.every(isId)) throw new Fault('invalid', 'ID', 'An id is a UUID in lower case.');
}
