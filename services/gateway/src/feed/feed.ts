// Reads the feed on for everyone who listens at this pod, and hands each listener what is new to them.
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Database } from '@rejoinder/runtime/database';
import type { Logger } from '@rejoinder/runtime/logging';
import { LOGGER } from '@rejoinder/runtime/tokens';
import { ServiceWake } from '@rejoinder/runtime/wake';
import type { Tx } from '../people/tenant-store.js';
import { feedAfter, feedEnds, feedOfTenantAfter, type FeedRow } from './feed-store.js';

const pageRows = 500;
/** A listener is handed so many at once; it holds no more than these. */
const listenerRows = 100;
/** The newest rows, held for listeners who keep up; who is further behind is read for. */
const heldRows = 2_000;
/** The net below the wakes. */
const slowPollMs = 5_000;

/** What is new to a listener, and how far that goes: rows of other tenants are passed over. */
export interface FeedPage {
  rows: FeedRow[];
  upTo: number;
}

@Injectable()
export class Feed implements OnModuleInit, OnApplicationShutdown {
  /** Everything up to here has been read. */
  position = 0;
  /** Rows after this, up to the position. */
  #heldAfter = 0;
  #held: FeedRow[] = [];
  #woken = false;
  #reading: Promise<void> | undefined;
  #poll: NodeJS.Timeout | undefined;
  #failure: string | undefined;
  readonly #waiting = new Set<() => void>();
  #unwake: () => void = () => undefined;

  constructor(
    private readonly database: Database<Tx>,
    private readonly commits: ServiceWake,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Before anybody can listen. */
  async onModuleInit(): Promise<void> {
    const ends = await this.database.read('all_tenants', feedEnds);
    this.position = this.#heldAfter = ends?.last ?? 0;
    this.#unwake = this.commits.onOthers('feed', () => this.wake());
    this.#poll = setInterval(() => this.wake(), slowPollMs);
    this.wake();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#poll);
    this.#poll = undefined;
    this.#unwake();
    await this.#reading;
  }

  /**
   * This process has committed these rows. If they are the very next ones they are handed out as they are: all before them have been read, and
   * writers commit in the order of their seq. Else rows of others come first, and all are read.
   */
  added(rows: FeedRow[]): void {
    const areNext = this.#poll && rows.length > 0 && rows.every(({ seq }, index) => seq === this.position + 1 + index);
    if (areNext) this.#advance(rows);
    else this.wake();
  }

  /** There may be more: other pods say so within 10 ms of their commit. */
  wake(): void {
    this.#woken = true;
    if (this.#poll) this.#reading ??= this.#readOn().finally(() => (this.#reading = undefined));
  }

  health(): string | undefined {
    return this.#failure;
  }

  /**
   * Where somebody starts who has seen everything up to `seen`, or who starts now. Missed: what came after that is no longer there, or it was
   * seen in another feed than this.
   */
  async startAfter(seen: number | undefined): Promise<{ cursor: number; missed: boolean }> {
    if (seen === undefined) return { cursor: this.position, missed: false };
    if (seen > this.position) await this.#catchUp();
    if (seen > this.position) return { cursor: this.position, missed: true };
    if (seen >= this.#heldAfter) return { cursor: seen, missed: false };
    const ends = await this.database.read('all_tenants', feedEnds);
    return { cursor: seen, missed: seen + 1 < (ends?.first ?? this.position) };
  }

  /** The next rows of a tenant after a seq; none is left out and none comes twice. */
  async after(tenantId: string, cursor: number): Promise<FeedPage> {
    const { position } = this;
    const rows =
      cursor >= this.#heldAfter
        ? this.#heldOf(tenantId, cursor)
        : await this.database.read({ tenant: tenantId }, (tx) => feedOfTenantAfter(tx, tenantId, cursor, listenerRows));
    return { rows, upTo: rows.length < listenerRows ? Math.max(position, rows.at(-1)?.seq ?? 0) : rows.at(-1)!.seq };
  }

  /** Resolves once there is something after this, or the signal fires. */
  moved(cursor: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.#waiting.delete(go);
        signal.removeEventListener('abort', go);
        resolve();
      };
      if (signal.aborted || this.position > cursor) return resolve();
      this.#waiting.add(go);
      signal.addEventListener('abort', go, { once: true });
    });
  }

  async #catchUp(): Promise<void> {
    this.wake();
    await this.#reading;
  }

  async #readOn(): Promise<void> {
    while (this.#woken) {
      this.#woken = false;
      try {
        const rows = await this.database.read('all_tenants', (tx) => feedAfter(tx, this.position, pageRows));
        this.#advance(rows);
        if (rows.length === pageRows) this.#woken = true;
        this.#failure = undefined;
      } catch (error) {
        this.#failure = 'the feed cannot be read';
        this.logger.warn({ error }, this.#failure);
      }
    }
  }

  /** A read that was under way may bring what was handed out meanwhile. */
  #advance(read: FeedRow[]): void {
    const rows = read.filter(({ seq }) => seq > this.position);
    if (rows.length === 0) return;
    this.position = rows.at(-1)!.seq;
    this.#held.push(...rows);
    const over = this.#held.length - heldRows;
    if (over > 0) this.#heldAfter = this.#held.splice(0, over).at(-1)!.seq;
    for (const go of this.#waiting) go();
  }

  #heldOf(tenantId: string, cursor: number): FeedRow[] {
    let first = this.#held.length;
    while (first > 0 && this.#held[first - 1]!.seq > cursor) first--;
    const rows: FeedRow[] = [];
    for (let at = first; at < this.#held.length && rows.length < listenerRows; at++) {
      if (this.#held[at]!.tenantId === tenantId) rows.push(this.#held[at]!);
    }
    return rows;
  }
}
