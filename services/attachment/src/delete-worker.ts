// Deletes what is due: objects of forgotten mails and of files never sent, then objects that uploads left behind.
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@rejoinder/runtime/database';
import { workDone, type Job, type WorkOutcome } from '@rejoinder/runtime/worker';
import { Workers } from '@rejoinder/runtime/workers';
import { AttachmentStore, type Tx } from './attachment-store.js';
import { OBJECT_STORE, type ObjectStore } from './object-store.js';

const concurrency = 4;
const leaseMs = 300_000;

@Injectable()
export class DeleteWorker {
  constructor(
    private readonly database: Database<Tx>,
    private readonly store: AttachmentStore,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    workers: Workers,
  ) {
    workers.add({
      name: 'delete',
      table: 'attachment',
      key: 'attachment_id',
      concurrency,
      leaseMs,
      work: (job) => this.#deleteAttachment(job),
    });
    workers.add({ name: 'orphans', table: 'orphan', key: 'object_key', concurrency, leaseMs, work: (job) => this.#deleteOrphan(job) });
  }

  /** The object first: as long as the row is there, somebody knows of the object. */
  async #deleteAttachment({ tenantId, key }: Job): Promise<WorkOutcome> {
    const objectKey = await this.database.write({ tenants: [tenantId] }, (tx) => this.store.toDelete(tx, tenantId, key));
    if (objectKey === undefined) return workDone;
    if (objectKey !== '') await this.objects.remove(objectKey);
    await this.database.write({ tenants: [tenantId] }, (tx) => this.store.deleted(tx, tenantId, key));
    return workDone;
  }

  async #deleteOrphan({ tenantId, key }: Job): Promise<WorkOutcome> {
    await this.objects.remove(key);
    await this.database.write({ tenants: [tenantId] }, (tx) => this.store.orphanGone(tx, tenantId, key));
    return workDone;
  }
}
