// The row of what holds for all inboxes of a tenant, and an inbox as others are to know it under that.
import type { InboxFacts } from '../inbox-events.js';
import type { Inbox, Prisma, TenantSettings } from '../generated/client.js';

export type Tx = Prisma.TransactionClient;

/** The tenant's row, made where there is none; taken before that of an inbox, so that two changes cannot wait for each other. */
export async function lockTenant(tx: Tx, tenantId: string, how: 'share' | 'update'): Promise<TenantSettings> {
  await tx.$executeRawUnsafe('insert into tenant_settings (tenant_id) values ($1::uuid) on conflict do nothing', tenantId);
  await tx.$executeRawUnsafe(`select 1 from tenant_settings where tenant_id = $1::uuid for ${how}`, tenantId);
  return tx.tenantSettings.findUniqueOrThrow({ where: { tenantId } });
}

/** Attachments are logged where both the inbox and its tenant say so. */
export function factsUnder(tenant: Pick<TenantSettings, 'attachments'>, inbox: Inbox): InboxFacts {
  return { ...inbox, attachments: inbox.attachments && tenant.attachments };
}
