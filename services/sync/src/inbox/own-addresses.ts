// Which addresses are those of a tenant's inboxes, by their hashes: kept once a tenant, since each of a thousand inboxes asks with every mail of ours.

interface Known {
  hashes: ReadonlySet<string>;
  readAtMs: number;
}

/** A session that begins reads them anew after so long: an inbox that is connected elsewhere is known by then. */
const freshMs = 10_000;

export class OwnAddresses {
  readonly #tenants = new Map<string, Known>();

  constructor(
    private readonly read: (tenantId: string) => Promise<Buffer[]>,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Answers how to ask for one; what others of the tenant learn later, it knows too. */
  async of(tenantId: string, own: readonly Buffer[]): Promise<(addressHash: Buffer) => boolean> {
    const known = this.#tenants.get(tenantId);
    const isMissing = own.some((hash) => !known?.hashes.has(keyOf(hash)));
    if (!known || isMissing || this.nowMs() - known.readAtMs >= freshMs) {
      const hashes = await this.read(tenantId);
      this.#tenants.set(tenantId, { hashes: new Set(hashes.map(keyOf)), readAtMs: this.nowMs() });
    }
    return (addressHash) => own.some((one) => one.equals(addressHash)) || this.#tenants.get(tenantId)!.hashes.has(keyOf(addressHash));
  }
}

const keyOf = (hash: Buffer): string => hash.toString('base64');
