// One conformance suite for both drivers of the store: a folder, and a real S3 server.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, ListObjectVersionsCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { Private } from '@rejoinder/base/private';
import { startS3, type S3 } from '@rejoinder/testing/s3';
import { DiskObjectStore } from '../src/disk-client.js';
import type { ObjectStore } from '../src/object-store.js';
import { partBytes, S3ObjectStore } from '../src/s3-client.js';

interface Opened {
  store: ObjectStore;
  /** Everything that lies there, drafts and unfinished uploads included. */
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
}

let s3: S3 | undefined;

async function openDisk(): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-store-'));
  const leftovers = async () =>
    (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map(({ name }) => name);
  return { store: new DiskObjectStore(folder), leftovers, close: () => rm(folder, { recursive: true }) };
}

async function openS3(timeoutMs?: number): Promise<Opened> {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey, client, listObjects, stop } = (s3 = await startS3());
  const store = new S3ObjectStore(
    {
      s3Endpoint: endpoint,
      s3Region: region,
      s3Bucket: bucket,
      s3AccessKeyId: accessKeyId,
      s3SecretAccessKey: new Private(secretAccessKey),
      s3PathStyle: 'on',
    },
    timeoutMs,
  );
  const leftovers = async () => {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    return [...(await listObjects()).map(({ key }) => key), ...Uploads.map(({ Key }) => `${Key} (upload)`)];
  };
  const close = async () => {
    store.onModuleDestroy();
    await stop();
  };
  return { store, leftovers, close };
}

const tenantId = newId();
const newKey = () => `${tenantId}/${newId()}/${newId()}`;
const never = new AbortController().signal;

async function* pieces(bytes: Buffer, size = 64_000, failAfter = Infinity): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    if (at >= failAfter) throw new Error('the body broke off');
    yield bytes.subarray(at, at + size);
  }
  if (failAfter <= bytes.length) throw new Error('the body broke off');
}

async function digest(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of body) hash.update(piece);
  return hash.digest('hex');
}

describe.each([
  ['disk', openDisk],
  ['s3', () => openS3()],
] as const)('the store %s', (_name, open) => {
  let opened: Opened;
  let store: ObjectStore;

  beforeAll(async () => {
    opened = await open();
    store = opened.store;
  });
  afterAll(() => opened?.close());

  it.each([0, 1, 65_536, partBytes - 1, partBytes, partBytes + 1, 3 * partBytes + 7])(
    'gives back %i bytes as they were put',
    async (size) => {
      const bytes = randomBytes(size);
      const key = newKey();
      await store.put(key, pieces(bytes), never);
      expect(await digest(await store.get(key, never))).toBe(createHash('sha256').update(bytes).digest('hex'));
      await store.remove(key);
      expect(await store.has(key)).toBe(false);
      expect(await opened.leftovers()).toEqual([]);
    },
  );

  it.each([0, 100_000, partBytes, 2 * partBytes + 1, 2.5 * partBytes])(
    'keeps nothing of a body that breaks off after %i bytes',
    async (failAfter) => {
      const key = newKey();
      await expect(store.put(key, pieces(randomBytes(2.5 * partBytes), 500_000, failAfter), never)).rejects.toThrow('the body broke off');
      await expect(store.get(key, never)).rejects.toMatchObject({ kind: 'not_found', code: 'OBJECT_MISSING' });
      expect(await opened.leftovers()).toEqual([]);
    },
  );

  it('keeps nothing of a put that is aborted', async () => {
    const key = newKey();
    const abort = new AbortController();
    async function* body() {
      yield randomBytes(partBytes + 5);
      abort.abort();
      yield randomBytes(5);
    }
    await expect(store.put(key, body(), abort.signal)).rejects.toThrow();
    expect(await opened.leftovers()).toEqual([]);
  });

  it('removes what is not there without a word', async () => {
    await store.remove(newKey());
    expect(await store.has(newKey())).toBe(false);
  });

  it('lists objects page by page in the order of their keys', async () => {
    const keys = [1, 2, 3, 4, 5].map(newKey).sort();
    for (const key of keys) await store.put(key, pieces(Buffer.from('hello')), never);
    const [first, second] = [await store.list('', 3), await store.list(keys[2]!, 10)];
    expect([...first, ...second].map(({ key }) => key)).toEqual(keys);
    expect(first[0]).toMatchObject({ sizeBytes: 5 });
    expect(Math.abs(Date.now() - first[0]!.since.getTime())).toBeLessThan(60_000);
    for (const key of keys) await store.remove(key);
    expect(await store.list('', 10)).toEqual([]);
  });

  it('takes no key that is not three ids', async () => {
    await expect(store.put('../../etc/passwd', pieces(Buffer.from('x')), never)).rejects.toMatchObject({ code: 'OBJECT_KEY' });
    await expect(store.remove(`${tenantId}/../x`)).rejects.toMatchObject({ code: 'OBJECT_KEY' });
  });
});

describe('a bucket that keeps versions', () => {
  it('keeps none of what is removed', async () => {
    const { store, close } = await openS3();
    try {
      const { client, bucket: Bucket } = s3!;
      await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
      const key = newKey();
      await store.put(key, pieces(Buffer.from('one')), never);
      await store.put(key, pieces(Buffer.from('two')), never);
      await store.remove(key);
      const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
      expect([...Versions, ...DeleteMarkers]).toEqual([]);
    } finally {
      await close();
    }
  });
});

describe('a store that holds its connections and answers nothing', () => {
  it('is waited for no longer than the time-out of its three tries', async () => {
    const { store, close } = await openS3(300);
    try {
      s3!.pause();
      const began = performance.now();
      await expect(store.put(newKey(), pieces(Buffer.from('x')), never)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
      await expect(store.has(newKey())).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
      expect(performance.now() - began).toBeLessThan(15_000);
    } finally {
      s3!.resume();
      await close();
    }
  });
});

describe('a store that is down', () => {
  it('is told as broken, without the words of the server', async () => {
    const { store, close } = await openS3();
    try {
      await s3!.down();
      await expect(store.put(newKey(), pieces(Buffer.from('x')), never)).rejects.toMatchObject({
        kind: 'broken',
        code: 'STORE_UNREACHABLE',
      });
    } finally {
      await close();
    }
  });
});
