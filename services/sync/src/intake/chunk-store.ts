// The bytes of mails that came by a logging address: in sealed pieces, written as they come and read from any place on; and what a list shows of them.
import { Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { Database } from '@rejoinder/runtime/database';
import { Vault } from '@rejoinder/vault/vault';
import type { Summary } from './summary.js';

/** What is held in memory of a mail, going in or out. */
export const chunkBytes = 1_048_576;

/** Where the summary of a mail lies, apart from its bytes: a list of mails reads none of them. */
const summaryAt = -1;

/** Which mail, and where its bytes lie. */
export interface StoredBytes {
  tenantId: string;
  intakeId: string;
  inboxId: string;
  receivedAt: Date;
  receivedDay: string;
}

const insert = `
insert into intake_chunk (tenant_id, intake_id, inbox_id, at, received_at, sealed) values ($1::uuid, $2::uuid, $3::uuid, $4::int, $5::timestamptz, $6::bytea)`;
const remove = `delete from intake_chunk where tenant_id = $1::uuid and intake_id = any ($2::uuid[])`;
const read = `select sealed from intake_chunk where tenant_id = $1::uuid and intake_id = $2::uuid and at = $3::int and received_at = $4::timestamptz`;

const readSummaries = `
select intake_id as "intakeId", sealed from intake_chunk where tenant_id = $1::uuid and intake_id = any ($2::uuid[]) and at = ${summaryAt}`;

@Injectable()
export class ChunkStore {
  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
  ) {}

  /** Takes bytes piece by piece; what is not ended is no mail, and is let go of by `remove`. */
  writer(of: StoredBytes): ChunkWriter {
    return new ChunkWriter((at, bytes) => this.#put(of, at, bytes));
  }

  /** The bytes from `start` up to `end` in pieces; fewer where they are no longer kept. */
  async *read(of: StoredBytes, start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = Math.floor(start / chunkBytes); at * chunkBytes < end; at++) {
      const chunk = await this.#chunk(of, at);
      if (!chunk) return;
      const piece = chunk.subarray(Math.max(0, start - at * chunkBytes), end - at * chunkBytes);
      if (piece.length > 0) yield piece;
      if (chunk.length < chunkBytes) return;
    }
  }

  /** The same at once, for what is small. */
  async readAll(of: StoredBytes, start: number, end: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.read(of, start, end)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  putSummary(of: StoredBytes, summary: Summary): Promise<void> {
    return this.#put(of, summaryAt, Buffer.from(JSON.stringify(summary)));
  }

  /** The summaries of a tenant's mails, by their ids; of none that is no longer kept. */
  async summaries(tenantId: string, mails: readonly StoredBytes[]): Promise<Map<string, Summary>> {
    const ids = mails.map(({ intakeId }) => intakeId);
    const rows = await this.database.read({ tenants: [tenantId] }, (tx) =>
      tx.$queryRawUnsafe<{ intakeId: string; sealed: Uint8Array }[]>(readSummaries, tenantId, ids),
    );
    const sealed = new Map(rows.map((row) => [row.intakeId, row.sealed]));
    const found = new Map<string, Summary>();
    for (const mail of mails) {
      const bytes = await this.#open(mail, summaryAt, sealed.get(mail.intakeId));
      if (bytes) found.set(mail.intakeId, JSON.parse(bytes.toString()) as Summary);
    }
    return found;
  }

  async remove(tenantId: string, intakeIds: string[]): Promise<void> {
    await this.database.write({ tenants: [tenantId] }, (tx) => tx.$executeRawUnsafe(remove, tenantId, intakeIds));
  }

  async #put({ tenantId, intakeId, inboxId, receivedAt, receivedDay }: StoredBytes, at: number, bytes: Buffer): Promise<void> {
    const sealed = await this.vault.seal(place(tenantId, intakeId, receivedDay, at), bytes);
    await this.database.writeToDisk({ tenants: [tenantId] }, (tx) =>
      tx.$executeRawUnsafe(insert, tenantId, intakeId, inboxId, at, receivedAt, sealed),
    );
  }

  async #chunk(of: StoredBytes, at: number): Promise<Buffer | undefined> {
    const { tenantId, intakeId, receivedAt } = of;
    const [row] = await this.database.read({ tenants: [tenantId] }, (tx) =>
      tx.$queryRawUnsafe<{ sealed: Uint8Array }[]>(read, tenantId, intakeId, at, receivedAt),
    );
    return this.#open(of, at, row?.sealed);
  }

  async #open({ tenantId, intakeId, receivedDay }: StoredBytes, at: number, sealed?: Uint8Array): Promise<Buffer | undefined> {
    if (!sealed) return undefined;
    try {
      return await this.vault.open(place(tenantId, intakeId, receivedDay, at), sealed);
    } catch (error) {
      // Its day's key is shredded: the row is a moment from being dropped.
      if (error instanceof Fault && error.kind === 'gone') return undefined;
      throw error;
    }
  }
}

export class ChunkWriter {
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #at = 0;
  sizeBytes = 0;

  constructor(private readonly put: (at: number, bytes: Buffer) => Promise<void>) {}

  async write(piece: Buffer): Promise<void> {
    this.sizeBytes += piece.length;
    for (let from = 0; from < piece.length;) {
      const part = piece.subarray(from, from + chunkBytes - this.#keptBytes);
      this.#kept.push(part);
      this.#keptBytes += part.length;
      from += part.length;
      if (this.#keptBytes === chunkBytes) await this.#flush();
    }
  }

  async end(): Promise<void> {
    if (this.#keptBytes > 0 || this.#at === 0) await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#kept);
    this.#kept = [];
    this.#keptBytes = 0;
    await this.put(this.#at++, bytes);
  }
}

function place(tenantId: string, intakeId: string, day: string, at: number) {
  return { tenantId, purpose: 'raw' as const, day, row: `intake:${intakeId}:${at}` };
}
