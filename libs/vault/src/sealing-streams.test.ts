// A sealed stream opens whole, or ends in an error: cut, reordered, lengthened or brought from elsewhere.
import { randomBytes } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { OpenedKey } from './opened-key.js';
import { bindingOf, type Place } from './place.js';
import { openingStream, sealingStream } from './sealing-streams.js';
import { chunkBytes, sealedChunkBytes, sealedSize, streamHeaderBytes } from './stream-format.js';

const key = new OpenedKey(randomBytes(32));
const place: Place = { tenantId: '01935f3a-0000-7000-8000-000000000001', purpose: 'files', row: 'part:1' };
const find = () => Promise.resolve(key);
const broken = { name: 'Fault', kind: 'broken', code: 'SEAL_BROKEN' };

async function through(transform: ReturnType<typeof sealingStream>, pieces: Iterable<Uint8Array>): Promise<Buffer> {
  const out: Buffer[] = [];
  const sink = new Writable({
    write(data: Buffer, _, done) {
      out.push(data);
      done();
    },
  });
  await pipeline(Readable.from(pieces, { objectMode: true }), transform, sink);
  return Buffer.concat(out);
}

function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

const seal = (plain: Uint8Array, pieceSize = 50_000) => through(sealingStream(bindingOf(place), find), cut(plain, pieceSize));
const open = (sealed: Uint8Array, pieceSize = 50_000, at = place) => through(openingStream(bindingOf(at), find), cut(sealed, pieceSize));

/** The sealed chunks of a stream, after its header. */
function chunksOf(sealed: Buffer): [Buffer, ...Buffer[]] {
  return [sealed.subarray(0, streamHeaderBytes), ...([...cut(sealed.subarray(streamHeaderBytes), sealedChunkBytes)] as Buffer[])];
}

const borders = [0, 1, 2, 3].flatMap((chunks) => [-1, 0, 1].map((beside) => chunks * chunkBytes + beside)).filter((size) => size >= 0);

test.each(borders)('%i bytes come back as they were, and are as long as foretold while sealed', async (size) => {
  const plain = randomBytes(size);
  const sealed = await seal(plain);
  expect(sealed.length).toBe(sealedSize(size));
  expect((await open(sealed)).equals(plain)).toBe(true);
});

test('pieces of any size, on the way in and on the way out', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(3 * chunkBytes),
      fc.integer({ min: 1_000, max: 200_000 }),
      fc.integer({ min: 1_000, max: 200_000 }),
      async (size, one, two) => {
        const plain = randomBytes(size);
        expect((await open(await seal(plain, one), two)).equals(plain)).toBe(true);
      },
    ),
    { numRuns: 50 },
  );
  const plain = randomBytes(chunkBytes + 10);
  expect((await open(await seal(plain, 1), 1)).equals(plain)).toBe(true);
  expect((await open(await seal(plain, 10 ** 7), 10 ** 7)).equals(plain)).toBe(true);
});

test('cut at every chunk border, beside it, and in the header, it does not end cleanly', async () => {
  const sealed = await seal(randomBytes(3 * chunkBytes + 100));
  const cuts = [0, 1, streamHeaderBytes - 1, streamHeaderBytes, streamHeaderBytes + 1, sealed.length - 1];
  for (let chunks = 1; chunks <= 3; chunks++) {
    const border = streamHeaderBytes + chunks * sealedChunkBytes;
    cuts.push(border - 1, border, border + 1, border + 16);
  }
  for (const length of cuts) await expect(open(sealed.subarray(0, length)), `cut at ${length}`).rejects.toMatchObject(broken);
});

test('a file that fills its last chunk cannot be cut by that chunk', async () => {
  const sealed = await seal(randomBytes(2 * chunkBytes));
  await expect(open(sealed.subarray(0, streamHeaderBytes + sealedChunkBytes))).rejects.toMatchObject(broken);
});

test('chunks that are swapped, doubled, left out or taken from another stream do not open', async () => {
  const [header, a, b, c] = chunksOf(await seal(randomBytes(2 * chunkBytes + 100)));
  const [otherHeader, , otherB] = chunksOf(await seal(randomBytes(2 * chunkBytes + 100)));
  const orders = [
    [header, b, a, c],
    [header, a, a, c],
    [header, a, c],
    [header, c],
    [header, a, b, c, c],
    [header, a, otherB, c],
    [otherHeader, a, b, c],
    [header, a, b],
  ];
  for (const order of orders) await expect(open(Buffer.concat(order as Buffer[]))).rejects.toMatchObject(broken);
  expect((await open(Buffer.concat([header, a, b, c] as Buffer[]))).length).toBe(2 * chunkBytes + 100);
});

test('appended bytes do not open', async () => {
  for (const size of [0, 100, chunkBytes]) {
    const sealed = await seal(randomBytes(size));
    for (const more of [1, 16, sealedChunkBytes])
      await expect(open(Buffer.concat([sealed, Buffer.alloc(more)]))).rejects.toMatchObject(broken);
  }
});

test('one flipped bit anywhere, and it does not end cleanly', async () => {
  const sealed = await seal(randomBytes(chunkBytes + 30));
  const header = fc.nat(streamHeaderBytes * 8 - 1);
  await fc.assert(
    fc.asyncProperty(fc.oneof(header, fc.nat(sealed.length * 8 - 1)), async (bit) => {
      const changed = Buffer.from(sealed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      await expect(open(changed)).rejects.toMatchObject(broken);
    }),
  );
});

test('it opens in its own place alone', async () => {
  const sealed = await seal(randomBytes(100));
  await expect(open(sealed, 1_000, { ...place, row: 'part:2' })).rejects.toMatchObject(broken);
  await expect(open(sealed, 1_000, { ...place, version: 1 })).rejects.toMatchObject(broken);
});

test('nothing of a changed chunk comes out, only what was genuine before it', async () => {
  const plain = randomBytes(2 * chunkBytes);
  const sealed = await seal(plain);
  sealed[streamHeaderBytes + sealedChunkBytes + 5]! ^= 1;
  const out: Buffer[] = [];
  const stream = openingStream(bindingOf(place), find).on('data', (data: Buffer) => out.push(data));
  const ended = new Promise((resolve) => stream.once('end', () => resolve('ended')).once('error', resolve));
  stream.end(sealed);
  expect(await ended).toMatchObject(broken);
  expect(Buffer.concat(out).equals(plain.subarray(0, chunkBytes))).toBe(true);
});

test('a key that is gone destroys the stream before its first byte', async () => {
  const gone = () => Promise.reject(new Fault('gone', 'KEY_GONE', 'gone'));
  await expect(through(openingStream(bindingOf(place), gone), [randomBytes(100)])).rejects.toMatchObject({ code: 'KEY_GONE' });
  await expect(through(sealingStream(bindingOf(place), gone), [randomBytes(100)])).rejects.toMatchObject({ code: 'KEY_GONE' });
});

test('a long file passes in the memory of a few chunks', async () => {
  const piece = Buffer.alloc(chunkBytes, 7);
  const pieces = 3_200;
  let most = 0;
  let length = 0;
  const before = process.memoryUsage().arrayBuffers;
  const sink = new Writable({
    write(data: Buffer, _, done) {
      length += data.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers);
      setImmediate(done);
    },
  });
  const source = Readable.from(
    (function* () {
      for (let i = 0; i < pieces; i++) yield piece;
    })(),
  );
  await pipeline(source, sealingStream(bindingOf(place), find), openingStream(bindingOf(place), find), sink);
  expect(length).toBe(pieces * chunkBytes);
  // 200 MiB pass; what has not been collected yet is far below that.
  expect(most - before).toBeLessThan(100 * 1024 * 1024);
});

// Written by other means: HKDF and AES-GCM of Python's cryptography package, after the format in the README.
test('what an older release sealed still opens', async () => {
  const sealed =
    '024326e8b16177ddd1000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f728a3e906bc4bb3e7e6a554cb0274eeac3ae2188d33a';
  const old = () => Promise.resolve(new OpenedKey(Buffer.alloc(32, 1)));
  expect((await through(openingStream(bindingOf(place), old), [Buffer.from(sealed, 'hex')])).toString()).toBe('golden');
});
