// Slots that tenants share: each has at most as many as it leaves free, so that whoever comes finds one.

export class FairSlots {
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(private readonly count: number) {}

  /** False where the tenant has as many as it may now: half of all while it is alone, fewer the more others have. Else it must leave again. */
  enter(tenantId: string): boolean {
    const own = this.#taken.get(tenantId) ?? 0;
    if (own >= this.count - this.#all) return false;
    this.#taken.set(tenantId, own + 1);
    this.#all++;
    return true;
  }

  leave(tenantId: string): void {
    const own = this.#taken.get(tenantId)! - 1;
    if (own > 0) this.#taken.set(tenantId, own);
    else this.#taken.delete(tenantId);
    this.#all--;
  }
}
