// The port to wherever sealed files lie, and the choice of its driver.
import { Fault } from '@rejoinder/base/fault';
import type { AttachmentSettings } from './config.js';

export interface StoredObject {
  key: string;
  sizeBytes: number;
  since: Date;
}

/** Keys are tenant/attachment/upload: three ids, so that each driver can trust them. */
export interface ObjectStore {
  /** Whole or not at all: if the body fails or the signal fires, nothing can be read under the key. Bytes pass in bounded pieces. */
  put(key: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** The bytes as they were put; a not_found Fault OBJECT_MISSING where there are none. */
  get(key: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Removes the object, its older versions and whatever a broken-off put has left. What is not there is removed already. */
  remove(key: string): Promise<void>;
  has(key: string): Promise<boolean>;
  /** At most so many objects in the order of their keys, those after the given key. */
  list(after: string, limit: number): Promise<StoredObject[]>;
  /** Called by Nest when the role ends. */
  onModuleDestroy(): void;
}

export const OBJECT_STORE = Symbol('object store');

/** A driver is loaded only where it is used: the S3 client is the largest of all packages. */
export async function openObjectStore(settings: AttachmentSettings): Promise<ObjectStore> {
  if (settings.store === 's3') return new (await import('./s3-client.js')).S3ObjectStore(settings);
  if (!settings.storeFolder) throw new Fault('invalid', 'SETTINGS', 'REJOINDER_STORE_FOLDER must be set where REJOINDER_STORE is disk.');
  return new (await import('./disk-client.js')).DiskObjectStore(settings.storeFolder);
}

const keyPattern = /^[0-9a-f-]{36}\/[0-9a-f-]{36}\/[0-9a-f-]{36}$/;

const noId = '00000000-0000-0000-0000-000000000000';
/** No object has this key: who asks for it learns whether the store answers. */
export const noKey = [noId, noId, noId].join('/');

/** The key itself, if it is one of ours; nothing else ever becomes a path. */
export function checkedKey(key: string): string {
  if (!keyPattern.test(key)) throw new Fault('invalid', 'OBJECT_KEY', 'An object key has three ids.');
  return key;
}

export function objectMissing(): Fault {
  return new Fault('not_found', 'OBJECT_MISSING', 'The store has no such object.');
}
