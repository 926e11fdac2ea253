// gRPC: logged mail of people on the never-log list is to be deleted, and how far that is.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Clock } from '@rejoinder/base/clock';
import type {
  DeletionSchema,
  DeleteMailsOfRequest,
  DeleteMailsOfResponseSchema,
  GetDeletionRequest,
  GetDeletionResponseSchema,
} from '@rejoinder/contracts/api/threading';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Tx } from '../tx.js';
import { checkedHashes } from './count-api.js';
import { askForDeletion, deletionOf, type Deletion } from './deletion-store.js';

@Controller()
export class DeletionApi {
  constructor(
    private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @GrpcMethod('ThreadingService', 'DeleteMailsOf')
  async deleteMailsOf(request: DeleteMailsOfRequest): Promise<MessageInitShape<typeof DeleteMailsOfResponseSchema>> {
    const { tenantId, people, listRevision } = request;
    const hashes = checkedHashes(people).flat();
    const ask = (tx: Tx) => askForDeletion(tx, tenantId, hashes, listRevision, this.clock.now());
    return { deletion: told(await this.database.write({ tenant: tenantId }, ask)) };
  }

  @GrpcMethod('ThreadingService', 'GetDeletion')
  async getDeletion({ tenantId }: GetDeletionRequest): Promise<MessageInitShape<typeof GetDeletionResponseSchema>> {
    return { deletion: told(await this.database.read({ tenant: tenantId }, (tx) => deletionOf(tx, tenantId))) };
  }
}

const told = (deletion: Deletion | undefined): MessageInitShape<typeof DeletionSchema> =>
  deletion
    ? { state: deletion.isDone ? 'done' : 'running', mails: BigInt(deletion.mails), deleted: BigInt(deletion.deleted) }
    : { state: 'none', mails: 0n, deleted: 0n };
