// Wakes what waits for a table to be written to: in this process at once, in other pods by one NOTIFY per table and 10 ms.
import { EventEmitter } from 'node:events';
import pg from 'pg';
import { newId } from '@rejoinder/base/id';
import { backoffMs, delay } from '@rejoinder/base/wait';

const channel = 'rejoinder_wake';
const notifyEveryMs = 10;

/** One per process. A lost notification costs at most one slow poll, never a piece of work. */
export class Wake {
  readonly #emitter = new EventEmitter({ captureRejections: false }).setMaxListeners(0);
  readonly #pending = new Set<string>();
  readonly #stop = new AbortController();
  readonly #self = newId();
  #timer: NodeJS.Timeout | undefined;
  #listening: Promise<void> = Promise.resolve();

  constructor(
    private readonly pool: pg.Pool,
    private readonly listenUrl: string,
    private readonly log: (message: string, error: unknown) => void,
  ) {}

  /** Starts to hear other pods, over a connection of its own that is renewed when it breaks. */
  start(): void {
    this.#listening = this.#listen();
  }

  /** Calls back whenever a commit, here or in another pod, has written to this table of the service, until the returned function is called. */
  on(service: string, table: string, callback: () => void): () => void {
    const name = `${service}.${table}`;
    this.#emitter.on(name, callback);
    return () => this.#emitter.off(name, callback);
  }

  /** The same, of commits in other pods alone. */
  onOthers(service: string, table: string, callback: () => void): () => void {
    return this.on(`others/${service}`, table, callback);
  }

  /** Says that a commit has written to these tables of the service. Nobody is told of a table that nobody here waits for: pods of a service are alike. */
  wake(service: string, tables: Iterable<string>): void {
    for (const table of tables) {
      const name = `${service}.${table}`;
      if (!this.#emitter.emit(name) && this.#emitter.listenerCount(`others/${name}`) === 0) continue;
      this.#pending.add(name);
      this.#timer ??= setTimeout(() => this.#notify(), notifyEveryMs);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#listening;
  }

  #notify(): void {
    this.#timer = undefined;
    const names = [...this.#pending];
    this.#pending.clear();
    if (this.#stop.signal.aborted) return;
    const text = `select pg_notify('${channel}', n) from unnest($1::text[]) n`;
    this.pool
      .query({ name: 'wake', text, values: [names.map((name) => `${this.#self}/${name}`)] })
      .catch((error: unknown) => this.log('wake not sent', error));
  }

  async #listen(): Promise<void> {
    for (let attempt = 1; !this.#stop.signal.aborted; attempt++) {
      const client = new pg.Client({ connectionString: this.listenUrl, connectionTimeoutMillis: 5_000, keepAlive: true });
      const ended = new Promise<void>((resolve) => client.once('end', resolve).on('error', () => resolve()));
      const aborted = new Promise<void>((resolve) => this.#stop.signal.addEventListener('abort', () => resolve(), { once: true }));
      try {
        client.on('notification', ({ payload }) => this.#heard(payload ?? ''));
        await client.connect();
        await client.query(`listen ${channel}`);
        attempt = 0;
        await Promise.race([ended, aborted]);
      } catch (error) {
        this.log('not hearing other pods', error);
      } finally {
        await client.end().catch(() => undefined);
      }
      await delay(backoffMs(attempt + 1, 100, 5_000), this.#stop.signal);
    }
  }

  #heard(payload: string): void {
    const [sender, name] = payload.split('/');
    if (!name || sender === this.#self) return;
    this.#emitter.emit(name);
    this.#emitter.emit(`others/${name}`);
  }
}

/** The wakes of one service, as its role hands them out: no part of it needs a connection of its own to hear other pods. */
export class ServiceWake {
  constructor(
    private readonly wakes: Wake,
    private readonly service: string,
  ) {}

  /** Calls back whenever a commit of this service, here or in another pod, has written to this table; until the returned function is called. */
  on(table: string, callback: () => void): () => void {
    return this.wakes.on(this.service, table, callback);
  }

  /** The same, of commits in other pods alone. */
  onOthers(table: string, callback: () => void): () => void {
    return this.wakes.onOthers(this.service, table, callback);
  }
}
