// Which partitions of the commands topic this pod owns, and under which epoch: the fence that every write of an inbox's work passes.
import { Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import type { SqlTransaction } from '@rejoinder/bus/sql';
import { partitionOn } from '@rejoinder/bus/partition';
import { Database } from '@rejoinder/runtime/database';

export const partitionOfInbox = (inboxId: string): number => partitionOn('rejoinder.sync.commands.v1', inboxId);

const take = `
insert into owner (partition, epoch) select p, 1 from unnest($1::int[]) as p
on conflict (partition) do update set epoch = owner.epoch + 1, handing_over = false returning partition, epoch`;

/** A claim made under an older epoch is void at once: neither its lease is waited for, nor its end, to which the claim moved due_at. */
const voidClaims = [
  `update session set lease_until = null, lease_token = null, due_at = $2::timestamptz where partition = any ($1::int[]) and wanted <> 'stopped'`,
  ...['sent_copy', 'search'].map((table) => voidClaim(table, 'partition = any ($1::int[])')),
  ...['capture', 'part'].map((table) => voidClaim(table, 'partitions && $1::int[]')),
];

function voidClaim(table: string, where: string): string {
  const due = 'case when due_at = lease_until then $2::timestamptz else due_at end';
  return `update ${table} set due_at = ${due}, lease_until = null, lease_token = null where ${where} and lease_until is not null`;
}

@Injectable()
export class Owner {
  readonly #epochs = new Map<number, bigint>();

  constructor(private readonly database: Database) {}

  partitions(): number[] {
    return [...this.#epochs.keys()];
  }

  owns(partition: number): boolean {
    return this.#epochs.has(partition);
  }

  /** Takes the next epoch of these: from now on no other pod writes anything of their inboxes, and all work of them is due here. */
  async take(partitions: number[], now: Date): Promise<void> {
    const fresh = partitions.filter((partition) => !this.owns(partition));
    if (fresh.length === 0) return;
    const taking = this.database.writeToDisk('all_tenants', async (tx) => {
      const taken = await tx.$queryRawUnsafe<{ partition: number; epoch: bigint }[]>(take, fresh);
      for (const sql of voidClaims) await tx.$executeRawUnsafe(sql, fresh, now);
      // Before the commit, which wakes the workers.
      for (const { partition, epoch } of taken) this.#epochs.set(partition, BigInt(epoch));
    });
    await taking.catch((error: unknown) => {
      for (const partition of fresh) this.#epochs.delete(partition);
      throw error;
    });
  }

  /** Says of all that it holds whether it serves them until another takes them. */
  async handOver(isServed: boolean): Promise<void> {
    const sql = `update owner set handing_over = $3::bool from unnest($1::int[], $2::bigint[]) as mine(partition, epoch)
      where owner.partition = mine.partition and owner.epoch = mine.epoch`;
    const [partitions, epochs] = [this.partitions(), [...this.#epochs.values()]];
    await this.database.writeToDisk('all_tenants', (tx) => tx.$executeRawUnsafe(sql, partitions, epochs, isServed));
  }

  /** Those, of these, that somebody serves until they are taken. */
  async handedOver(partitions: number[]): Promise<number[]> {
    const sql = 'select partition from owner where partition = any ($1::int[]) and handing_over';
    const rows = await this.database.read('all_tenants', (tx) => tx.$queryRawUnsafe<{ partition: number }[]>(sql, partitions));
    return rows.map(({ partition }) => partition);
  }

  /** The others are another pod's, or will be. */
  keepOnly(partitions: number[]): void {
    for (const partition of this.partitions()) if (!partitions.includes(partition)) this.#epochs.delete(partition);
  }

  /** Keeps, of these, what no other pod has taken; answers how many have been. */
  async keepUntaken(partitions = this.partitions()): Promise<number> {
    const sql = 'select partition, epoch from owner where partition = any ($1::int[])';
    const rows = await this.database.read('all_tenants', (tx) =>
      tx.$queryRawUnsafe<{ partition: number; epoch: bigint }[]>(sql, partitions),
    );
    const taken = rows.filter(({ partition, epoch }) => this.owns(partition) && this.#epochs.get(partition) !== BigInt(epoch));
    for (const { partition } of taken) this.#epochs.delete(partition);
    return taken.length;
  }

  /** Whether no other pod has taken it: for work that writes nothing under the fence. */
  async isStill(partition: number): Promise<boolean> {
    await this.keepUntaken([partition]);
    return this.owns(partition);
  }

  /** First in each write transaction: refuses if another pod has taken the partition since. The row stays as it is until the commit. */
  async fence(tx: SqlTransaction, partition: number): Promise<void> {
    const [row] = await tx.$queryRawUnsafe<{ epoch: bigint }[]>('select epoch from owner where partition = $1::int for share', partition);
    this.check(partition, row?.epoch);
  }

  /** The same, where the epoch was read for share by a statement of the caller's. */
  check(partition: number, epoch: bigint | undefined): void {
    const own = this.#epochs.get(partition);
    if (own !== undefined && epoch !== undefined && BigInt(epoch) === own) return;
    if (own !== undefined) this.#epochs.delete(partition);
    throw fenced();
  }
}

/** This pod no longer owns the inbox: it changes nothing of it. */
export const fenced = (): Fault => new Fault('gone', 'FENCED', 'Another pod holds this inbox now.');
export const isFenced = (error: unknown): boolean => error instanceof Fault && error.code === 'FENCED';
