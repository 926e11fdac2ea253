// Reconnect links as rows, found by the hash of their token.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import type { Inbox, Prisma } from '../generated/client.js';
import { attempted, goodForMs, maxLinks } from './link.js';

type Tx = Prisma.TransactionClient;
export type LinkHash = Uint8Array<ArrayBuffer>;

const pruneSql = `
delete from reconnect_link where tenant_id = $1::uuid and (expires_at <= $3::timestamptz or token_sha256 in (
  select token_sha256 from reconnect_link where tenant_id = $1::uuid and inbox_id = $2::uuid order by made_at desc offset $4::int))`;

@Injectable()
export class LinkStore {
  constructor(
    @Inject(Database) private readonly database: Database<Tx>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Answers the inbox and until when it is good; refuses where the episode that is named is over. */
  add(tenantId: string, inboxId: string, hash: LinkHash, episode: bigint): Promise<{ inbox: Inbox; expiresAt: Date }> {
    return this.database.write({ tenant: tenantId }, async (tx) => {
      const inbox = await tx.inbox.findUnique({ where: { inboxId, tenantId } });
      if (!inbox) throw faultOf('INBOX_NOT_FOUND');
      if (episode !== 0n && !isDisconnected(inbox, episode)) throw faultOf('NOT_DISCONNECTED');
      const madeAt = this.clock.now();
      const expiresAt = new Date(madeAt.getTime() + goodForMs);
      await tx.reconnectLink.create({ data: { tokenSha256: hash, tenantId, inboxId, madeAt, expiresAt } });
      await tx.$executeRawUnsafe(pruneSql, tenantId, inboxId, madeAt, maxLinks);
      return { inbox, expiresAt };
    });
  }

  /** The inbox of a link that is good, with one more attempt counted if one is about to be made. */
  open(hash: LinkHash, attempts: boolean): Promise<Inbox> {
    return this.database.write('all_tenants', async (tx) => {
      // Locked, so that two attempts are not counted as one.
      await tx.$queryRawUnsafe('select 1 from reconnect_link where token_sha256 = $1::bytea for update', hash);
      const link = await tx.reconnectLink.findUnique({ where: { tokenSha256: hash } });
      const now = this.clock.now();
      const inbox = link && link.expiresAt > now ? await tx.inbox.findUnique({ where: { inboxId: link.inboxId } }) : null;
      if (!link || !inbox) throw faultOf('LINK_VOID');
      if (!attempts) return inbox;
      const counted = attempted(link, now);
      if (!counted) throw faultOf('LINK_ATTEMPTS');
      await tx.reconnectLink.update({ where: { tokenSha256: hash }, data: counted });
      return inbox;
    });
  }
}

const isDisconnected = ({ credentialVersion, receiving, sending }: Inbox, episode: bigint): boolean =>
  credentialVersion === episode && (receiving === 'needs_reconnect' || sending === 'needs_reconnect');
