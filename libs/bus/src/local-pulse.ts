// The one slow look of a process at the local log: keeps its members alive and finds what no notification told.
import type pg from 'pg';
import { delay } from '@rejoinder/base/wait';
import type { LocalMember } from './local-member.js';
import { lookSql } from './local-sql.js';
import type { BusLogger } from './logger.js';

export interface PulseSurroundings {
  pool: pg.Pool;
  logger: BusLogger;
  members: ReadonlySet<LocalMember>;
  lookMs: number;
  memberMs: number;
}

interface Look {
  alive: string[];
  groups: { group: string; members: string[] | null }[];
  free: string[];
  ends: { topic: string; partition: number; end: string }[];
}

/** One query per look, however many groups and partitions there are. */
export class LocalPulse {
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #soon: () => void = () => undefined;

  constructor(private readonly around: PulseSurroundings) {}

  start(): void {
    this.#running ??= this.#run();
  }

  /** Looks now. */
  look(): void {
    this.#soon();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#soon();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const wait = new AbortController();
      this.#soon = () => wait.abort();
      try {
        await this.#beat();
      } catch (error) {
        this.around.logger.warn({ error }, 'the local log does not answer');
        for (const member of this.around.members) member.unreachable();
      }
      if (!this.#stop.signal.aborted) await delay(this.around.lookMs, wait.signal);
    }
  }

  async #beat(): Promise<void> {
    const joined = [...this.around.members].filter((member) => member.joined);
    if (joined.length === 0) return;
    const ids = joined.map((member) => member.id);
    const groups = [...new Set(joined.map((member) => member.group))];
    const { rows } = await this.around.pool.query<Look>({ name: 'bus look', text: lookSql, values: [ids, groups, this.around.memberMs] });
    const { alive, groups: present, free, ends } = rows[0]!;
    for (const { topic, partition, end } of ends) for (const member of joined) member.reaches(topic, partition, BigInt(end));
    for (const member of joined) {
      const known = present.find(({ group }) => group === member.group)?.members ?? [];
      member.reached(alive.includes(member.id), known, free.includes(member.group));
    }
  }
}
