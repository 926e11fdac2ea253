// An upload is a whole file only if its end says so and agrees with what came.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DEFAULT_SIZE_LIMITS } from '@rejoinder/mail/size-rule';
import { maxChunkBytes, Receiving, type Step } from './receive.js';

const limits = { ...DEFAULT_SIZE_LIMITS, partLimitBytes: 100 };
const chunk = (bytes: Buffer): Step => ({ step: { case: 'chunk', value: bytes } });
const end = (bytes: Buffer, sizeBytes = bytes.length): Step => ({
  step: { case: 'end', value: { sizeBytes: BigInt(sizeBytes), sha256Hex: createHash('sha256').update(bytes).digest('hex') } },
});

async function* stream(...steps: Step[]): AsyncGenerator<Step> {
  yield* steps;
}

async function receive(...steps: Step[]): Promise<{ receiving: Receiving; bytes?: Buffer; error?: unknown }> {
  const receiving = new Receiving(limits);
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of receiving.bytes(stream(...steps))) pieces.push(piece);
    return { receiving, bytes: Buffer.concat(pieces) };
  } catch (error) {
    return { receiving, error };
  }
}

describe('a stream of an upload', () => {
  const bytes = Buffer.from('forty-two bytes of a file, give or take one');

  it('is whole with an end that agrees', async () => {
    const { receiving, bytes: taken } = await receive(chunk(bytes.subarray(0, 10)), chunk(bytes.subarray(10)), end(bytes));
    expect(taken).toEqual(bytes);
    expect(receiving.whole).toEqual({ sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest() });
  });

  it('may be empty', async () => {
    expect((await receive(end(Buffer.alloc(0)))).receiving.whole?.sizeBytes).toBe(0);
  });

  it.each([
    ['no step at all', []],
    ['a chunk', [chunk(bytes)]],
  ])('is cut after %s without an end', async (_name, steps) => {
    const { receiving, error } = await receive(...steps);
    expect(error).toMatchObject({ code: 'UPLOAD_TRUNCATED', kind: 'broken' });
    expect(receiving.whole).toBeUndefined();
  });

  it('differs if its end has another size or hash', async () => {
    for (const wrong of [end(bytes, bytes.length + 1), end(Buffer.from('other')), end(Buffer.from('other'), bytes.length)]) {
      expect((await receive(chunk(bytes), wrong)).error).toMatchObject({ code: 'UPLOAD_DIFFERS' });
    }
  });

  it('is too large with the first byte over the limit, not with the last within it', async () => {
    const most = Buffer.alloc(100, 'a');
    expect((await receive(chunk(most), end(most))).receiving.whole?.sizeBytes).toBe(100);
    const { receiving, error } = await receive(chunk(most), chunk(Buffer.from('b')), end(most));
    expect(receiving.tooLarge).toBe(true);
    expect(error).toMatchObject({ kind: 'too_large' });
  });

  it('has no second start and no oversized chunk', async () => {
    expect((await receive({ step: { case: 'start' } })).error).toMatchObject({ code: 'UPLOAD_ORDER' });
    expect((await receive(chunk(Buffer.alloc(maxChunkBytes + 1)))).error).toMatchObject({ code: 'CHUNK_TOO_LARGE' });
  });
});
