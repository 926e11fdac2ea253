// The workers of one role: its providers add them, the role starts and drains them.
import { Injectable } from '@nestjs/common';
import { Worker, type WorkerOptions, type WorkerSurroundings } from './worker.js';

@Injectable()
export class Workers {
  readonly #workers: Worker[] = [];

  constructor(private readonly around: WorkerSurroundings) {}

  /** Takes part once the role has started. */
  add(options: WorkerOptions): Worker {
    const worker = new Worker(options, this.around);
    this.#workers.push(worker);
    return worker;
  }

  start(): void {
    for (const worker of this.#workers) worker.start();
  }

  /** Claims no more and ends what is in hand, until the signal fires; answers what was cut. */
  async stop(deadline: AbortSignal): Promise<string[]> {
    return (await Promise.all(this.#workers.map((worker) => worker.stop(deadline)))).flat();
  }

  /** What keeps workers from claiming, if anything. */
  health(): string[] {
    return this.#workers.map((worker) => worker.health()).filter((reason) => reason !== undefined);
  }
}
