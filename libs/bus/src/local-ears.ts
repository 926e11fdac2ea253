// Hears what other processes did to the local log, over one connection that is renewed when it breaks.
import pg from 'pg';
import { backoffMs, delay } from '@rejoinder/base/wait';
import type { BusLogger } from './logger.js';

/** The end of a partition moved; members of a group came or went; from now on nothing is heard; anything may have happened until now, even a crash. */
export type Heard =
  | { kind: 'end'; topic: string; partition: number; end: bigint }
  | { kind: 'group'; group: string }
  | { kind: 'deaf' }
  | { kind: 'anything' };

const channel = 'rejoinder_bus';

/** A lost notification costs one slow look, never an event. */
export class LocalEars {
  readonly #stop = new AbortController();
  #listening: Promise<void> | undefined;

  constructor(
    private readonly url: string,
    private readonly self: string,
    private readonly logger: BusLogger,
    private readonly hear: (heard: Heard) => void,
  ) {}

  start(): void {
    this.#listening ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#listening;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted;) {
      const heardAny = await this.#listen();
      failures = heardAny ? 1 : failures + 1;
      await delay(backoffMs(failures, 100, 5_000), this.#stop.signal);
    }
  }

  /** Until the connection ends; answers whether it ever stood. */
  async #listen(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 5_000, keepAlive: true });
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve).on('error', () => resolve());
      this.#stop.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    client.on('notification', ({ payload }) => this.#heard(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
      this.hear({ kind: 'anything' });
      await ended;
      this.hear({ kind: 'deaf' });
      return true;
    } catch (error) {
      this.logger.warn({ error }, 'not hearing other processes of the local log; it is looked at slowly');
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  #heard(payload: string): void {
    const [kind, sender, first, partition, end] = payload.split('/');
    if (sender === this.self || first === undefined) return;
    if (kind === 'g') this.hear({ kind: 'group', group: first });
    else if (kind === 'e' && end !== undefined) this.hear({ kind: 'end', topic: first, partition: Number(partition), end: BigInt(end) });
  }
}

/** What a group's members are told when one comes, goes or gives something back. */
export const groupNotice = (self: string, group: string) => `g/${self}/${group}`;
