// What asks strangers' servers, so many at once, shared by the tenants: each has at most as many as it leaves free, so that others find some.
import { Fault } from '@rejoinder/base/fault';

/** By then what runs now has ended. */
const retryMs = 25_000;

export class FairSlots {
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(private readonly count: number) {}

  /** Refuses (busy, TESTS_BUSY) where the tenant has as many as it may now: half of all while it is alone, fewer the more others have. */
  async through<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
    const own = this.#taken.get(tenantId) ?? 0;
    if (own >= this.count - this.#all)
      throw new Fault('busy', 'TESTS_BUSY', 'Too many mail servers are being asked for you. Try again in half a minute.', retryMs);
    this.#add(tenantId, 1);
    try {
      return await work();
    } finally {
      this.#add(tenantId, -1);
    }
  }

  #add(tenantId: string, one: 1 | -1): void {
    const own = (this.#taken.get(tenantId) ?? 0) + one;
    if (own > 0) this.#taken.set(tenantId, own);
    else this.#taken.delete(tenantId);
    this.#all += one;
  }
}
