// Finds keys, makes those that are missing, and ends them: what the sealing code asks for opened keys.
import { randomBytes } from 'node:crypto';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import type { KeyContext, KeyEncryption } from './kek.js';
import { KeyCache } from './key-cache.js';
import { maxKeysPerQuery, type KeyringStore, type OldestKey, type WrappedKey } from './keyring-store.js';
import { keyBytes, OpenedKey } from './opened-key.js';
import { keyNameText, type KeyName } from './place.js';
import type { Purpose } from './purposes.js';
import { keyGone } from './sealing-faults.js';

/** A key, or the refusal that stands in its place: gone, or broken. */
export type FoundKey = OpenedKey | Fault;

/** Requests to a KMS in flight for one look-up. */
const maxKmsRequests = 16;

export class Keyring {
  readonly #cache: KeyCache;
  /** Look-ups in flight, so that many who miss the same key ask for it once. */
  readonly #asked = new Map<string, Promise<FoundKey>>();
  /** Counts droppings: what was looked up before one is not kept after it. */
  #droppings = 0;

  constructor(
    private readonly store: KeyringStore,
    private readonly kek: KeyEncryption,
    private readonly clock: Clock,
    maxOpenedKeys?: number,
  ) {
    this.#cache = new KeyCache(clock, maxOpenedKeys);
  }

  /** The opened keys by the text of their names. To seal, missing ones are made; to open, a missing one is gone. */
  async find(names: KeyName[], to: 'seal' | 'open'): Promise<Map<string, FoundKey>> {
    const found = new Map<string, FoundKey>();
    const waits: Promise<unknown>[] = [];
    const missing = new Map<string, KeyName>();
    for (const name of names) {
      const text = keyNameText(name);
      if (found.has(text) || missing.has(text)) continue;
      const cached = this.#cache.get(text);
      const asked = this.#asked.get(`${to} ${text}`);
      if (cached) found.set(text, cached);
      else if (asked) waits.push(asked.then((key) => found.set(text, key)));
      else missing.set(text, name);
    }
    waits.push(this.#askAll([...missing.values()], to, found));
    await Promise.all(waits);
    return found;
  }

  /** Shreds the keys of days before this one: at once here, within five minutes in other processes. Answers how many there were. */
  async dropBefore(purpose: Purpose, day: string): Promise<number> {
    const dropped = await this.store.dropBefore(purpose, day);
    this.#forget((name) => name.purpose === purpose && name.day < day);
    return dropped;
  }

  /** Ends a tenant, or a hold: all its keys go, and none is ever made again. */
  async killTenant(tenantId: string): Promise<void> {
    await this.store.kill(tenantId, this.clock.now());
    this.#forget((name) => name.tenantId === tenantId);
  }

  /** The oldest key of each purpose that this service holds. */
  oldest(): Promise<OldestKey[]> {
    return this.store.oldest();
  }

  /** What of the keyring this process cannot open, and what to do, in a sentence; undefined where it opens all. */
  async trouble(): Promise<string | undefined> {
    const missing = (await this.store.kekIds()).filter((id) => !this.kek.ids.includes(id));
    return missing.length > 0 ? otherKek(missing, this.kek) : undefined;
  }

  #forget(matches: (name: KeyName) => boolean): void {
    this.#droppings += 1;
    this.#asked.clear();
    this.#cache.forget(matches);
  }

  async #askAll(names: KeyName[], to: 'seal' | 'open', found: Map<string, FoundKey>): Promise<void> {
    for (const part of slices(names, maxKeysPerQuery)) {
      await Promise.all(this.#ask(part, to).map(async ([text, key]) => found.set(text, await key)));
    }
  }

  #ask(names: KeyName[], to: 'seal' | 'open'): [string, Promise<FoundKey>][] {
    const droppings = this.#droppings;
    const all = this.#look(names, to);
    return names.map((name, index) => {
      const text = keyNameText(name);
      const one = all.then((keys) => keys[index]!);
      const settle = () => void (this.#asked.get(`${to} ${text}`) === one && this.#asked.delete(`${to} ${text}`));
      this.#asked.set(`${to} ${text}`, one);
      one.then((key) => {
        if (key instanceof OpenedKey && droppings === this.#droppings) this.#cache.set(name, key);
        settle();
      }, settle);
      return [text, one];
    });
  }

  async #look(names: KeyName[], to: 'seal' | 'open'): Promise<FoundKey[]> {
    const stored = await this.store.read(names);
    const keys: (FoundKey | undefined)[] = await each(stored, (one, index) => one && this.#unwrap(names[index]!, one));
    const missing = names.filter((_, index) => !stored[index]);
    const minted = to === 'seal' && missing.length > 0 ? await this.#mint(missing) : new Map<KeyName, FoundKey>();
    return names.map((name, index) => keys[index] ?? minted.get(name) ?? keyGone(name));
  }

  async #mint(names: KeyName[]): Promise<Map<KeyName, FoundKey>> {
    const made = await each(names, async (name) => {
      const plain = randomBytes(keyBytes);
      const wrapped = Buffer.from(await this.kek.wrap(plain, contextOf(name)));
      return { wrapped, key: new OpenedKey(plain) };
    });
    const stored = await this.store.mint(
      names,
      made.map(({ wrapped }) => wrapped),
      this.kek.id,
    );
    const keys = await each(stored, (one, index) => {
      const { wrapped, key } = made[index]!;
      return one && (wrapped.equals(one.wrapped) ? key : this.#unwrap(names[index]!, one));
    });
    return new Map(names.flatMap((name, index) => (keys[index] ? [[name, keys[index]]] : [])));
  }

  async #unwrap(name: KeyName, { wrapped, kekId }: WrappedKey): Promise<FoundKey> {
    // The whole look-up fails: this is the operator's to mend, and says nothing about what is sealed.
    if (!this.kek.ids.includes(kekId)) throw new Fault('broken', 'KEK_OTHER', otherKek([kekId], this.kek));
    try {
      return new OpenedKey(await this.kek.unwrap(wrapped, kekId, contextOf(name)));
    } catch (error) {
      if (error instanceof Fault && error.kind === 'broken') return error;
      throw error;
    }
  }
}

function otherKek(missing: readonly string[], { ids }: KeyEncryption): string {
  const [other, own] = [missing, ids].map((some) => some.join(' and '));
  return `Keys of the keyring are wrapped by ${other}, and the key file has ${own} alone: add the missing one as its last line, until rejoinder keys rewrap leaves none to it.`;
}

export function contextOf({ tenantId, purpose, day }: KeyName): KeyContext {
  return { tenant: tenantId, purpose, day };
}

function* slices<T>(items: T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

/** Like Promise.all over a map, with so many in flight at the most. */
async function each<T, R>(items: T[], work: (item: T, index: number) => R | Promise<R>): Promise<Awaited<R>[]> {
  const results: Awaited<R>[] = [];
  for (const part of slices([...items.entries()], maxKmsRequests)) {
    results.push(...(await Promise.all(part.map(([index, item]) => work(item, index)))));
  }
  return results;
}
