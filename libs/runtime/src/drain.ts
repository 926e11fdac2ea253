// The end of a role: unready first, then nothing new is taken, and what is in hand ends, or is cut at the deadline and named.
import { Injectable } from '@nestjs/common';
import type { Logger } from './logging.js';

/** Takes nothing new from now on, and ends what is in hand; what is left when the signal fires it cuts, and answers in names. */
export type End = (deadline: AbortSignal) => Promise<string[]>;

@Injectable()
export class Drain {
  readonly #unready = new AbortController();
  readonly #closing = new AbortController();
  readonly #ends: End[] = [];

  constructor(private readonly logger: Logger) {}

  /** Fires when nobody should give the role anything more; who does is served all the same. */
  get unready(): AbortSignal {
    return this.#unready.signal;
  }

  /** Fires when it begins nothing more. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Takes part in the end of the role. */
  add(end: End): void {
    this.#ends.push(end);
  }

  announce(): void {
    this.#unready.abort();
  }

  /** All parts end side by side. */
  async run(withinMs: number): Promise<void> {
    this.announce();
    this.#closing.abort();
    await this.end(withinMs, this.#ends);
  }

  /** These end within the time, or are cut and named in the log. */
  async end(withinMs: number, ends: End[]): Promise<void> {
    const deadline = new AbortController();
    const limit = setTimeout(() => deadline.abort(), withinMs);
    const cut = (await Promise.all(ends.map((end) => end(deadline.signal)))).flat();
    clearTimeout(limit);
    if (cut.length > 0) this.logger.warn({ cut }, 'cut: it was not over when the drain time was');
  }
}
