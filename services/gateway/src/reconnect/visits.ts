// Counts visits by where they come from, so that nobody can try addresses or passwords without end.

const windowMs = 60_000;
const maxVisits = 30;
/** Beyond this many visitors a minute, whoever is new counts as one of them all. */
const maxVisitors = 10_000;
const others = 'others';

export class Visits {
  #until = 0;
  readonly #counts = new Map<string, number>();

  /** Whether this visit is within the minute's limit. */
  allows(from: string, now: Date): boolean {
    if (now.getTime() >= this.#until) {
      this.#counts.clear();
      this.#until = now.getTime() + windowMs;
    }
    const who = this.#counts.has(from) || this.#counts.size < maxVisitors ? from : others;
    const count = (this.#counts.get(who) ?? 0) + 1;
    this.#counts.set(who, count);
    return count <= maxVisits;
  }
}
