// The key that wraps all keys: the port that a KMS stands behind, with the local key file as its first driver.
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
  /** Stored beside each wrapped key; another one means that these keys are not its own. */
  readonly id: string;
  wrap(plain: Uint8Array, context: KeyContext): Promise<Uint8Array>;
  unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array>;
}

export interface FileKeyOptions {
  /** Makes the file if there is none, for its owner alone. Whoever loses it loses everything sealed. */
  createIfMissing?: boolean;
}

const format = 1;
const nonceBytes = 12;
const tagBytes = 16;

/** The key-encryption key in a local file of mode 0600; for the quick start and for single machines. */
export async function fileKey(path: string, { createIfMissing = false }: FileKeyOptions = {}): Promise<KeyEncryption> {
  if (createIfMissing) await createKeyFile(path);
  const plain = (await readKeyFile(path)).reveal();
  const id = `file:${createHash('sha256').update('rejoinder key file 1').update(plain).digest('hex').slice(0, 16)}`;
  const key = createSecretKey(plain);
  plain.fill(0);
  return {
    id,
    wrap: async (bytes, context) => wrap(key, bytes, context),
    unwrap: async (bytes, context) => unwrap(key, bytes, context),
  };
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
