// When each folder of a session is to be looked at next, in milliseconds of a clock that never goes back.

/** The base is looked at this often while another folder is open. */
const basePollMs = 2_000;
/** Folders are listed anew: people make and rename them. */
const listEveryMs = 600_000;

export class LookPlan {
  readonly #lookedAt = new Map<string, number>();
  #listedAt = -Infinity;

  constructor(
    /** The folder that is kept open. */
    public base: string,
    private readonly folderPollMs: number,
  ) {}

  listed(nowMs: number): void {
    this.#listedAt = nowMs;
  }

  listDue(nowMs: number): boolean {
    return nowMs - this.#listedAt > listEveryMs;
  }

  looked(path: string, nowMs: number): void {
    this.#lookedAt.set(path, nowMs);
  }

  /** As soon as may be; a folder that is not known yet by a new listing. */
  soon(path: string, isKnown: boolean): void {
    this.#lookedAt.delete(path);
    if (!isKnown) this.#listedAt = -Infinity;
  }

  /** The first folder whose time has come. The base needs no look while it is open: the server tells. */
  due(paths: readonly string[], inBase: boolean, nowMs: number): string | undefined {
    return paths.find((path) => this.#dueInMs(path, inBase, nowMs) <= 0);
  }

  /** How long until the next. */
  waitMs(paths: readonly string[], inBase: boolean, nowMs: number): number {
    return Math.ceil(Math.max(0, Math.min(this.folderPollMs, ...paths.map((path) => this.#dueInMs(path, inBase, nowMs)))));
  }

  #dueInMs(path: string, inBase: boolean, nowMs: number): number {
    if (path === this.base && inBase) return Infinity;
    const everyMs = path === this.base ? basePollMs : this.folderPollMs;
    return (this.#lookedAt.get(path) ?? -Infinity) + everyMs - nowMs;
  }
}
