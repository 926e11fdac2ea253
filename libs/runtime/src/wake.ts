// Wakes workers: those of this process at once, those of other pods by one NOTIFY per service and 10 ms.
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

  /** Calls back whenever work of this service may have come, until the returned function is called. */
  on(service: string, callback: () => void): () => void {
    this.#emitter.on(service, callback);
    return () => this.#emitter.off(service, callback);
  }

  /** Says that a commit may have left work. */
  wake(service: string): void {
    this.#emitter.emit(service);
    this.#pending.add(service);
    this.#timer ??= setTimeout(() => this.#notify(), notifyEveryMs);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#listening;
  }

  #notify(): void {
    this.#timer = undefined;
    const services = [...this.#pending];
    this.#pending.clear();
    if (this.#stop.signal.aborted) return;
    const sql = `select pg_notify('${channel}', s) from unnest($1::text[]) s`;
    this.pool
      .query(sql, [services.map((service) => `${this.#self}/${service}`)])
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
    const [sender, service] = payload.split('/');
    if (service && sender !== this.#self) this.#emitter.emit(service);
  }
}

/** The wakes of one service, as its role hands them out: no part of it needs a connection of its own to hear other pods. */
export class ServiceWake {
  constructor(
    private readonly wakes: Wake,
    private readonly service: string,
  ) {}

  /** Calls back whenever a commit of this service, here or in another pod, may have left something new; until the returned function is called. */
  on(callback: () => void): () => void {
    return this.wakes.on(this.service, callback);
  }
}
