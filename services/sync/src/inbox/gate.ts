// Lets so many through at a time by name, so that a restart is not a storm of logins at one host.

/** Those who wait are let in in the order in which they came. */
export class Gate {
  readonly #inside = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(private readonly most: number) {}

  async through<T>(name: string, work: () => Promise<T>): Promise<T> {
    await this.#enter(name);
    try {
      return await work();
    } finally {
      this.#leave(name);
    }
  }

  async #enter(name: string): Promise<void> {
    const inside = this.#inside.get(name) ?? 0;
    if (inside < this.most) {
      this.#inside.set(name, inside + 1);
      return;
    }
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.set(name, waiting);
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** The place of one who leaves is the next one's at once. */
  #leave(name: string): void {
    const next = this.#waiting.get(name)?.shift();
    if (next) return next();
    const inside = this.#inside.get(name)! - 1;
    if (inside > 0) this.#inside.set(name, inside);
    else {
      this.#inside.delete(name);
      this.#waiting.delete(name);
    }
  }
}
