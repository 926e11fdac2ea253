// Opened keys for five minutes at the most, and the least used go first.
import type { Clock } from '@rejoinder/base/clock';
import { keyNameText, type KeyName } from './place.js';
import type { OpenedKey } from './opened-key.js';

export const keyLifeMs = 5 * 60_000;
export const maxOpenedKeys = 4_096;

interface Entry {
  name: KeyName;
  key: OpenedKey;
  openedAtMs: number;
}

export class KeyCache {
  /** In the order of use: the first was used least. */
  readonly #entries = new Map<string, Entry>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly limit = maxOpenedKeys,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  get(text: string): OpenedKey | undefined {
    const entry = this.#entries.get(text);
    if (!entry) return undefined;
    this.#entries.delete(text);
    if (!this.#isFresh(entry, this.clock.now().getTime())) return undefined;
    this.#entries.set(text, entry);
    return entry.key;
  }

  set(name: KeyName, key: OpenedKey): void {
    const text = keyNameText(name);
    this.#entries.delete(text);
    this.#entries.set(text, { name, key, openedAtMs: this.clock.now().getTime() });
    if (this.#entries.size > this.limit) this.#entries.delete(this.#entries.keys().next().value!);
    this.#plan(keyLifeMs);
  }

  forget(matches: (name: KeyName) => boolean): void {
    for (const [text, { name }] of this.#entries) if (matches(name)) this.#entries.delete(text);
  }

  /** A clock that was set back makes nothing younger. */
  #isFresh({ openedAtMs }: Entry, nowMs: number): boolean {
    return nowMs >= openedAtMs && nowMs - openedAtMs < keyLifeMs;
  }

  /** Keys leave the memory of a process that has nothing more to do, too. */
  #plan(ms: number): void {
    if (this.#sweep) return;
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined;
      const nowMs = this.clock.now().getTime();
      let oldestMs = nowMs;
      for (const [text, entry] of this.#entries) {
        if (!this.#isFresh(entry, nowMs)) this.#entries.delete(text);
        else oldestMs = Math.min(oldestMs, entry.openedAtMs);
      }
      if (this.#entries.size > 0) this.#plan(oldestMs + keyLifeMs - nowMs);
    }, ms).unref();
  }
}
