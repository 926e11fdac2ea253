// What a role needs of the outside besides its own database and the event log: asked again and again, so that health can say what is away or wrong.
import { Injectable } from '@nestjs/common';
import { delay, within } from '@rejoinder/base/wait';
import type { Logger } from './logging.js';

const everyMs = 5_000;
const answerWithinMs = 4_000;
/** One answer that does not come in time may be chance. */
const missesToSay = 2;

interface Watch {
  name: string;
  ask: Ask;
  misses: number;
  trouble?: string;
}

/** Answers with a sentence where something is wrong; throws where there is no answer. */
type Ask = () => Promise<string | void>;

@Injectable()
export class Watches {
  readonly #stop = new AbortController();
  readonly #watches: Watch[] = [];
  #running: Promise<unknown> = Promise.resolve();

  constructor(private readonly logger: Logger) {}

  /** Is asked once the role has started; the name stands in a sentence, such as "the keyring". */
  add(name: string, ask: Ask): void {
    this.#watches.push({ name, ask, misses: 0 });
  }

  start(): void {
    this.#running = Promise.all(this.#watches.map((watch) => this.#run(watch)));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** What is away or wrong, each in one sentence. */
  health(): string[] {
    return this.#watches.flatMap(({ name, misses, trouble }) => (misses >= missesToSay ? `${name} does not answer` : (trouble ?? [])));
  }

  async #run(watch: Watch): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const trouble = (await within(answerWithinMs, watch.name, watch.ask())) ?? undefined;
        if (trouble && trouble !== watch.trouble) this.logger.warn({ watched: watch.name, trouble }, 'is not well');
        watch.trouble = trouble;
        watch.misses = 0;
      } catch (error) {
        watch.misses++;
        if (watch.misses === missesToSay) this.logger.warn({ watched: watch.name, error }, 'does not answer');
      }
      await delay(everyMs, this.#stop.signal);
    }
  }
}
