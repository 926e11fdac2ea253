// Keeps tenants and their API keys; of a key only its hash is known.
import type { Prisma } from '../generated/client.js';
import { sha256 } from './secrets.js';

export type Tx = Prisma.TransactionClient;

export interface NewTenant {
  tenantId: string;
  name: string;
  madeAt: Date;
}

export interface NewApiKey {
  tenantId: string;
  apiKeyId: string;
  prefix: string;
  sha256: Buffer<ArrayBuffer>;
  name: string;
  madeAt: Date;
}

const prefixLength = 7;

/** The row of a key, which itself is not kept. */
export function newKeyRow({ key, ...row }: Omit<NewApiKey, 'prefix' | 'sha256'> & { key: string }): NewApiKey {
  return { ...row, prefix: key.slice(0, prefixLength), sha256: sha256(key) };
}

/** Several pods may start at the same moment: whoever holds this until its commit makes the first tenant. */
export async function lockTenants(tx: Tx): Promise<void> {
  await tx.$queryRaw`select pg_advisory_xact_lock(hashtextextended('rejoinder gateway tenants', 0))::text`;
}

export async function oldestTenant(tx: Tx): Promise<string | undefined> {
  const found = await tx.tenant.findFirst({ orderBy: [{ madeAt: 'asc' }, { tenantId: 'asc' }], select: { tenantId: true } });
  return found?.tenantId;
}

export async function saveTenant(tx: Tx, tenant: NewTenant, key: NewApiKey | undefined): Promise<void> {
  await tx.tenant.create({ data: tenant });
  if (key) await tx.apiKey.create({ data: key });
}

/** Once, however often it is added; never again once it was ended. */
export async function addKey(tx: Tx, key: NewApiKey): Promise<void> {
  if ((await tx.apiKey.count({ where: { sha256: sha256(key.sha256) } })) > 0) return;
  await tx.apiKey.createMany({ data: [key], skipDuplicates: true });
}

/** Whose key has this hash. */
export async function tenantOfKey(tx: Tx, sha256: Buffer<ArrayBuffer>): Promise<string | undefined> {
  const found = await tx.apiKey.findUnique({ where: { sha256 }, select: { tenantId: true } });
  return found?.tenantId;
}
