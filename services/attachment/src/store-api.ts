// What retention and timeline ask of every owner: how old its oldest things are, and to forget mails.
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Fault } from '@rejoinder/base/fault';
import type { ForgetRequest } from '@rejoinder/contracts/store';
import { Database } from '@rejoinder/runtime/database';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { reportStores, type OwnStore, type StoreReport } from '@rejoinder/runtime/store-report';
import { HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import { AttachmentStore, type Tx } from './attachment-store.js';
import { needId } from './facts.js';
import { OBJECT_STORE, type ObjectStore, type StoredObject } from './object-store.js';

const maxMails = 100;
/** One look at the store goes so far; the next one goes on from there, and at the end begins anew. */
const objectsPerLook = 5_000;

@Controller()
export class StoreApi {
  #lookedUntil = '';

  constructor(
    private readonly database: Database<Tx>,
    private readonly store: AttachmentStore,
    private readonly vault: Vault,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    @Inject(HOUSE_SETTINGS) private readonly settings: HouseSettings,
  ) {}

  @GrpcMethod('StoreService', 'ListOldest')
  async listOldest(): Promise<StoreReport> {
    const { database, vault, settings } = this;
    const [{ attachments, orphans }, objects] = await Promise.all([
      database.read('all_tenants', (tx) => this.store.waiting(tx)),
      this.#strayObjects(),
    ]);
    return reportStores({ database, vault, settings }, [
      { name: 'attachment', toForget: attachments.count, toForgetSince: attachments.since },
      { name: 'orphan', toForget: orphans.count, toForgetSince: orphans.since },
      objects,
    ]);
  }

  @GrpcMethod('StoreService', 'Forget')
  async forget({ tenantId, mailIds }: ForgetRequest): Promise<object> {
    if (mailIds.length > maxMails) throw new Fault('invalid', 'TOO_MANY_MAILS', `At most ${maxMails} mails are forgotten at once.`);
    const tenant = needId('tenant_id', tenantId);
    const mails = [...new Set(mailIds.map((mailId) => needId('mail_ids', mailId)))];
    if (mails.length > 0) await this.database.write({ tenant }, (tx) => this.store.forget(tx, tenant, mails));
    return {};
  }

  /** Objects that no row knows: there should be none, since the row comes first and goes last. */
  async #strayObjects(): Promise<OwnStore> {
    const page = await this.objects.list(this.#lookedUntil, objectsPerLook);
    this.#lookedUntil = page.length === objectsPerLook ? page.at(-1)!.key : '';
    const keys = page.map(({ key }) => key);
    const unknown = new Set(await this.database.read('all_tenants', (tx) => this.store.unknown(tx, keys)));
    const strays: StoredObject[] = [];
    for (const object of page) {
      // Looked at twice: object and row may have been deleted since the page was read.
      if (unknown.has(object.key) && (await this.#isThere(object.key))) strays.push(object);
    }
    const since = strays.reduce<Date | undefined>((oldest, { since }) => (oldest && oldest < since ? oldest : since), undefined);
    return { name: 'objects', retentionClass: 'R3', toForget: strays.length, toForgetSince: since };
  }

  /** A key that is none of ours cannot have a row. */
  async #isThere(key: string): Promise<boolean> {
    try {
      return await this.objects.has(key);
    } catch (error) {
      if (error instanceof Fault && error.code === 'OBJECT_KEY') return true;
      throw error;
    }
  }
}
