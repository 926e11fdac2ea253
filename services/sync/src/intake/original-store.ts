// The mail that a member forwarded, where the member's own inbox has shown it: what is logged then is that very mail.
import { Injectable } from '@nestjs/common';
import { parseHeaders } from '@rejoinder/mail/headers';
import { Database } from '@rejoinder/runtime/database';
import { Vault } from '@rejoinder/vault/vault';
import { addressesOf } from '../inbox/observe.js';
import { headerPlace } from '../inbox/observed-store.js';

/** What was observed of a mail. */
export interface Original {
  inboxId: string;
  header: Buffer;
  sizeBytes: number;
  receivedAt: Date;
}

/** Of whom it is asked: the inbox that has this address, and nobody else's. */
export interface Wanted {
  tenantId: string;
  ownerHash: Buffer<ArrayBuffer>;
  messageIdHashes: Buffer<ArrayBuffer>[];
  /** Who is said to have written it, in lower case. */
  author: string;
}

const find = `
select h.mail_id as "mailId", h.inbox_id as "inboxId", h.ingested_day::text as day, h.sealed, h.size_bytes::float8 as "sizeBytes", h.received_at as "receivedAt"
from mail_header h join session s on s.inbox_id = h.inbox_id
where h.tenant_id = $1::uuid and h.message_id_hash = any ($2::bytea[]) and (s.address_hash = $3::bytea or $3::bytea = any (s.own_hashes)) and length(h.sealed) > 0 limit 10`;

@Injectable()
export class OriginalStore {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
  ) {}

  async find({ tenantId, ownerHash, messageIdHashes, author }: Wanted): Promise<Original | undefined> {
    type Row = Omit<Original, 'header'> & { mailId: string; day: string; sealed: Uint8Array };
    const rows = await this.database.read({ tenants: [tenantId] }, (tx) =>
      tx.$queryRawUnsafe<Row[]>(find, tenantId, messageIdHashes, ownerHash),
    );
    for (const { mailId, inboxId, day, sealed, sizeBytes, receivedAt } of rows) {
      const header = await this.vault.open(headerPlace(tenantId, inboxId, mailId, day), sealed);
      if (addressesOf(parseHeaders(header), 'from').some(({ key }) => key === author)) return { inboxId, header, sizeBytes, receivedAt };
    }
    return undefined;
  }
}
