// An attachment goes over whole, or not at all.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { randomFrom } from '@rejoinder/testing/seed';
import { encodedWindows, uploadSteps, windowBytes } from './part-stream.js';
import type { Part } from './part-store.js';

const plain = randomFrom(3).bytes(700_000);
const encoded = Buffer.from(plain.toString('base64').replace(/.{76}/g, '$&\r\n'));
const part: Part = {
  tenantId: 't',
  mailId: 'm',
  attachmentId: 'a',
  partId: '2',
  encoding: 'base64',
  contentType: 'application/pdf',
  encodedSizeBytes: encoded.length,
  fileName: 'a.pdf',
  inline: false,
  contentId: '',
  state: 'pending',
  sealedDay: '2026-11-24',
  mailSizeBytes: 1_000_000,
};
const limits = { mailLimitBytes: 50_000_000, partLimitBytes: 50_000_000, attachmentsOn: true };
const from = (bytes: Buffer) => (start: number, maxBytes: number) => Promise.resolve(bytes.subarray(start, start + maxBytes));

async function collect(steps: ReturnType<typeof uploadSteps>) {
  const all = [];
  for await (const { step } of steps) all.push(step!);
  const chunks = all.flatMap((step) => (step.case === 'chunk' ? [step.value!] : []));
  return {
    kinds: [all[0]!.case, all.at(-1)!.case],
    chunks,
    bytes: Buffer.concat(chunks),
    end: all.at(-1)!.value as { sizeBytes: bigint; sha256Hex: string },
  };
}

test('in chunks of at most 64 KiB, with size and hash of the decoded bytes', async () => {
  const { kinds, chunks, bytes, end } = await collect(uploadSteps(part, encodedWindows(from(encoded), encoded.length), limits));
  expect(kinds).toEqual(['start', 'end']);
  expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(65_536);
  expect(bytes.equals(plain)).toBe(true);
  expect(end).toEqual({ sizeBytes: BigInt(plain.length), sha256Hex: createHash('sha256').update(plain).digest('hex') });
});

test('a window that comes short in the middle does not end it', async () => {
  const short = (start: number, maxBytes: number) => Promise.resolve(encoded.subarray(start, start + Math.min(maxBytes, 10_000)));
  expect((await collect(uploadSteps(part, encodedWindows(short, encoded.length), limits))).bytes.equals(plain)).toBe(true);
  const liedSmaller = await collect(uploadSteps(part, encodedWindows(from(encoded), 10), limits));
  expect(liedSmaller.bytes.equals(plain)).toBe(true);
});

test('a mail that goes away, or a connection that breaks, is an error and no end', async () => {
  const gone = (start: number, maxBytes: number) => Promise.resolve(start === 0 ? encoded.subarray(0, maxBytes) : undefined);
  await expect(collect(uploadSteps(part, encodedWindows(gone, encoded.length), limits))).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
});

test('past the limit nothing more is fetched, and the end says a size that must be refused', async () => {
  let fetched = 0;
  const counting = (start: number, maxBytes: number) => {
    fetched++;
    return from(encoded)(start, maxBytes);
  };
  const { end } = await collect(uploadSteps(part, encodedWindows(counting, encoded.length), { ...limits, partLimitBytes: 150_000 }));
  expect(fetched).toBe(1);
  expect(Number(end.sizeBytes)).toBeGreaterThan(150_000);
  expect(Number(end.sizeBytes)).toBeLessThan(windowBytes);
});
