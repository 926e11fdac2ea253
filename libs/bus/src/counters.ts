// Numbers a service shows of its handlers: what was handled, skipped and why, dead, tried again.

/** A copy; it only ever rises. */
export interface BusCounts {
  handled: number;
  skipped: Record<string, number>;
  dead: number;
  /** Batches that a handler threw at and that came again. */
  retried: number;
}

const maxReasons = 100;

/** Counts since the start of this process. */
export class Counters {
  #handled = 0;
  #dead = 0;
  #retried = 0;
  readonly #skipped = new Map<string, number>();

  handled(count = 1): void {
    this.#handled += count;
  }

  /** Reasons are a closed list of the handlers; should one be made up of data, the surplus is counted together. */
  skipped(reason: string, count = 1): void {
    const name = this.#skipped.has(reason) || this.#skipped.size < maxReasons ? reason : 'other';
    this.#skipped.set(name, (this.#skipped.get(name) ?? 0) + count);
  }

  dead(): void {
    this.#dead++;
  }

  retried(): void {
    this.#retried++;
  }

  read(): BusCounts {
    return { handled: this.#handled, skipped: Object.fromEntries(this.#skipped), dead: this.#dead, retried: this.#retried };
  }
}
