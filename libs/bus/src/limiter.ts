// Bounds how many things go on at once; those that wait are served in order.

/** So many slots; what waits for one gives up when its signal fires. */
export class Limiter {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(slots: number) {
    this.#free = slots;
  }

  /** Resolves true with a slot, which must be given back, or false once the signal has fired. */
  async take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    return new Promise((resolve) => {
      const served = () => {
        signal.removeEventListener('abort', gaveUp);
        resolve(true);
      };
      const gaveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(served), 1);
        resolve(false);
      };
      this.#waiting.push(served);
      signal.addEventListener('abort', gaveUp, { once: true });
    });
  }

  /** Gives a slot back, to whoever has waited longest. */
  give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
