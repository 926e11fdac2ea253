// The keys that wrap all keys: the port that a KMS would stand behind, with the local key file as its driver.
import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { readKeyFile, createKeyFile } from './key-file.js';
import { Fault } from '@rejoinder/base/fault';

/** What a wrapped key is bound to: AWS KMS takes it as encryption context, Vault transit as associated data. No value is empty. */
export interface KeyContext {
  tenant: string;
  purpose: string;
  /** infinity where the key has no day. */
  day: string;
}

/** Wraps and unwraps keys of 32 bytes; a key it cannot open is a broken Fault, anything else that is thrown is an outage. */
export interface KeyEncryption {
  /** Of the key that wraps; stored beside each key that it wrapped. */
  readonly id: string;
  /** Of all keys that unwrap, the one that wraps first: another id means that this process was not given that key. */
  readonly ids: readonly string[];
  wrap(plain: Uint8Array, context: KeyContext): Promise<Uint8Array>;
  /** By the key with this id, one of `ids`. */
  unwrap(wrapped: Uint8Array, kekId: string, context: KeyContext): Promise<Uint8Array>;
}

export interface FileKeyOptions {
  /** Makes the file if there is none, for its owner alone. Whoever loses it loses everything sealed. */
  createIfMissing?: boolean;
}

const format = 1;
const nonceBytes = 12;
const tagBytes = 16;

/** The key-encryption keys in a local file of mode 0600: the first wraps, all of them unwrap. */
export async function fileKey(path: string, { createIfMissing = false }: FileKeyOptions = {}): Promise<KeyEncryption> {
  if (createIfMissing) await createKeyFile(path);
  const plains = (await readKeyFile(path)).reveal();
  const keys = new Map(plains.map((plain) => [idOf(plain), createSecretKey(plain)]));
  for (const plain of plains) plain.fill(0);
  const ids = [...keys.keys()];
  const id = ids[0]!;
  return {
    id,
    ids,
    wrap: async (bytes, context) => wrap(keys.get(id)!, bytes, context),
    unwrap: async (wrapped, kekId, context) => unwrap(keys.get(kekId)!, wrapped, context),
  };
}

function idOf(plain: Uint8Array): string {
  return `file:${createHash('sha256').update('rejoinder key file 1').update(plain).digest('hex').slice(0, 16)}`;
}

function wrap(key: KeyObject, plain: Uint8Array, context: KeyContext): Buffer {
  const header = Buffer.concat([Buffer.of(format), randomBytes(nonceBytes)]);
  const cipher = createCipheriv('aes-256-gcm', key, header.subarray(1));
  cipher.setAAD(Buffer.concat([header, bindingOf(context)]));
  return Buffer.concat([header, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function unwrap(key: KeyObject, wrapped: Uint8Array, context: KeyContext): Buffer {
  const header = wrapped.subarray(0, 1 + nonceBytes);
  if (wrapped.length < 1 + nonceBytes + tagBytes || header[0] !== format) throw keyBroken();
  const decipher = createDecipheriv('aes-256-gcm', key, header.subarray(1), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.concat([header, bindingOf(context)]));
  decipher.setAuthTag(wrapped.subarray(wrapped.length - tagBytes));
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(1 + nonceBytes, wrapped.length - tagBytes)), decipher.final()]);
  } catch {
    throw keyBroken();
  }
}

function bindingOf({ tenant, purpose, day }: KeyContext): Buffer {
  return Buffer.from(JSON.stringify([tenant, purpose, day]));
}

function keyBroken(): Fault {
  return new Fault('broken', 'KEY_BROKEN', 'A wrapped key of the keyring was changed, or stands in the place of another.');
}
