// Seals and opens what a service keeps, hashes what it must find again, and ends keys: the only door to the keyring.
import { setImmediate } from 'node:timers/promises';
import type { Transform } from 'node:stream';
import type pg from 'pg';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { Hasher } from './hasher.js';
import type { KeyEncryption } from './kek.js';
import { Keyring } from './keyring.js';
import { KeyringStore, type OldestKey } from './keyring-store.js';
import type { OpenedKey } from './opened-key.js';
import { bindingOf, checkedDay, checkedTenant, keyNameOf, keyNameText, noDay, type KeyName, type Place } from './place.js';
import { ruleFor, type KeyHolder, type Purpose } from './purposes.js';
import { openBytes, sealBytes } from './seal.js';
import { openingStream, sealingStream } from './sealing-streams.js';

/** Bytes of their own memory: what PostgreSQL drivers and Prisma take. */
export type Bytes = Buffer<ArrayBuffer>;

export interface ToSeal {
  at: Place;
  plain: Uint8Array;
}

export interface ToOpen {
  at: Place;
  sealed: Uint8Array;
}

export const maxBatch = 10_000;
/** Pieces worked through before other work of the process has its turn. */
const piecesPerTurn = 250;

/** One service's door to its keys. Refuses purposes that the service does not hold. */
export class Vault {
  readonly #keyring: Keyring;

  constructor(
    private readonly holder: KeyHolder,
    keyringPool: pg.Pool,
    kek: KeyEncryption,
    clock: Clock,
  ) {
    this.#keyring = new Keyring(new KeyringStore(holder, keyringPool), kek, clock);
  }

  /** Seals up to 64 MiB, bound to its place; the key is made if it is the first. Gone (KEY_GONE) for a dead tenant or a shredded day. */
  async seal(at: Place, plain: Uint8Array): Promise<Bytes> {
    return sealBytes(await this.#key(at, 'seal'), bindingOf(at), plain);
  }

  /** The plain bytes; broken (SEAL_BROKEN) if changed or of another place, gone (KEY_GONE) if the key is shredded. */
  async open(at: Place, sealed: Uint8Array): Promise<Bytes> {
    return openBytes(await this.#key(at, 'open'), bindingOf(at), sealed);
  }

  /** Seals a batch with one look-up of keys. In the place of what cannot be sealed stands the Fault that says why. */
  sealMany(items: ToSeal[]): Promise<(Bytes | Fault)[]> {
    return this.#many(items, 'seal', (key, binding, { plain }) => sealBytes(key, binding, plain));
  }

  /** Opens a batch with one look-up of keys. In the place of what does not open stands the Fault that says why. */
  openMany(items: ToOpen[]): Promise<(Bytes | Fault)[]> {
    return this.#many(items, 'open', (key, binding, { sealed }) => openBytes(key, binding, sealed));
  }

  /** Seals a file. What comes out is sealedSize(plain size) bytes long. */
  sealStream(at: Place): Transform {
    return sealingStream(bindingOf(at), () => this.#key(at, 'seal'));
  }

  /** Opens a file chunk by chunk; what came out is whole only once the stream has ended without an error. */
  openStream(at: Place): Transform {
    return openingStream(bindingOf(at), () => this.#key(at, 'open'));
  }

  /** Hashes for one tenant, at once; gone (KEY_GONE) for a dead one. */
  async hasher(tenantId: string): Promise<Hasher> {
    return new Hasher(await this.#key({ tenantId, purpose: 'ids' }, 'seal'));
  }

  /** Hashers for the tenants of a batch with one look-up; dead tenants have none. */
  async hashers(tenantIds: Iterable<string>): Promise<Map<string, Hasher>> {
    const names = [...new Set(tenantIds)].map((tenantId) => keyNameOf(this.holder, { tenantId, purpose: 'ids' }));
    boundBatch(names.length);
    const keys = await this.#keyring.find(names, 'seal');
    const hashers = new Map<string, Hasher>();
    for (const name of names) {
      const key = keys.get(keyNameText(name))!;
      if (!(key instanceof Fault)) hashers.set(name.tenantId, new Hasher(key));
      else if (key.kind !== 'gone') throw key;
    }
    return hashers;
  }

  /** Shreds the keys of all days before this one: at once here, within five minutes in other processes. Answers how many there were. */
  async dropBefore(purpose: Purpose, day: string): Promise<number> {
    if (!ruleFor(this.holder, purpose).daily) throw new Fault('invalid', 'PLACE_INVALID', `Keys of ${purpose} have no days to shred.`);
    return this.#keyring.dropBefore(purpose, checkedDay(day));
  }

  /** Ends a tenant, or a hold by its id, for every service and for ever. Only retention may. */
  async killTenant(tenantId: string): Promise<void> {
    await this.#keyring.killTenant(checkedTenant(tenantId));
  }

  /** The oldest key of each purpose that this service holds, for the proof of retention. */
  oldest(): Promise<OldestKey[]> {
    return this.#keyring.oldest();
  }

  /** What of the whole keyring this process cannot open, and what to do, in a sentence; undefined where it opens all. */
  trouble(): Promise<string | undefined> {
    return this.#keyring.trouble();
  }

  async #key(at: Omit<Place, 'row'>, to: 'seal' | 'open'): Promise<OpenedKey> {
    const name = keyNameOf(this.holder, at);
    const key = (await this.#keyring.find([name], to)).get(keyNameText(name))!;
    if (key instanceof Fault) throw key;
    return key;
  }

  async #many<T extends { at: Place }>(
    items: T[],
    to: 'seal' | 'open',
    work: (key: OpenedKey, binding: Buffer, item: T) => Bytes,
  ): Promise<(Bytes | Fault)[]> {
    boundBatch(items.length);
    // A place that is wrong is the caller's bug: it fails the batch before anything is done.
    const names = new Map<string, KeyName>();
    const places = items.map(({ at }) => ({ key: this.#nameIn(names, at), binding: bindingOf(at) }));
    const keys = await this.#keyring.find([...names.values()], to);
    const results: (Bytes | Fault)[] = [];
    for (const [index, place] of places.entries()) {
      if (index > 0 && index % piecesPerTurn === 0) await setImmediate();
      const key = keys.get(place.key)!;
      results.push(key instanceof Fault ? key : faultOr(() => work(key, place.binding, items[index]!)));
    }
    return results;
  }

  /** The text of a place's key name; each name of a batch is checked once. */
  #nameIn(names: Map<string, KeyName>, { tenantId, purpose, day }: Place): string {
    const text = keyNameText({ tenantId, purpose, day: day ?? noDay });
    if (!names.has(text)) names.set(text, keyNameOf(this.holder, { tenantId, purpose, day }));
    return text;
  }
}

function boundBatch(size: number): void {
  if (size > maxBatch) throw new Fault('too_large', 'BATCH_TOO_LARGE', `A batch has ${maxBatch} pieces at the most.`);
}

/** An expected refusal is a value; a bug goes up. */
function faultOr(work: () => Bytes): Bytes | Fault {
  try {
    return work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}
