// Files as large as they may be, through a real S3 server: unchanged, in flat memory, and patient with a store that is away.
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { AttachmentService } from '@rejoinder/contracts/api/attachment';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { heldBytes, heldMbDuring } from '@rejoinder/testing/memory';
import { startS3, type S3 } from '@rejoinder/testing/s3';
import { settle } from '@rejoinder/testing/settle';
import * as fixtures from './attachment-house.js';

const { newPart } = fixtures;
const largeBytes = 45_000_000;
/** Half a gigabyte takes its time where the machine is busy. */
const deadlineMs = 300_000;
const piece = randomBytes(60_000);

let s3: S3;
let here: fixtures.AttachmentHouse;
const client = () => here.house.peers.client(AttachmentService);

beforeAll(async () => {
  s3 = await startS3();
  here = await fixtures.startAttachmentHouse({
    REJOINDER_STORE: 's3',
    REJOINDER_S3_ENDPOINT: s3.endpoint,
    REJOINDER_S3_REGION: s3.region,
    REJOINDER_S3_BUCKET: s3.bucket,
    REJOINDER_S3_ACCESS_KEY_ID: s3.accessKeyId,
    REJOINDER_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
  });
});
afterAll(async () => {
  await here?.stop();
  await s3?.stop();
});

/** A file of one piece again and again, which nobody holds in memory. */
async function* largeFile(part: fixtures.Part, sizeBytes: number): AsyncGenerator<fixtures.Request> {
  const hash = createHash('sha256');
  yield fixtures.requestsOf(part, Buffer.alloc(0))[0]!;
  for (let left = sizeBytes; left > 0; left -= piece.length) {
    const value = piece.subarray(0, Math.min(left, piece.length));
    hash.update(value);
    yield { step: { case: 'chunk', value } };
  }
  yield { step: { case: 'end', value: { sizeBytes: BigInt(sizeBytes), sha256Hex: hash.digest('hex') } } };
}

async function downloaded({ tenantId, attachmentId }: fixtures.Part): Promise<{ sizeBytes: number; hex: string }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const { step } of client().download({ tenantId, attachmentId }, { deadlineMs })) {
    if (step.case !== 'chunk') continue;
    hash.update(step.value);
    sizeBytes += step.value.length;
  }
  return { sizeBytes, hex: hash.digest('hex') };
}

describe('a file of 45 MB', () => {
  it(
    'goes up and comes down unchanged in flat memory',
    async () => {
      await client().upload(largeFile(newPart(newId()), 9_000_000), { deadlineMs });
      const part = newPart(newId(), { sizeBytes: largeBytes });
      const up = await heldMbDuring(() => client().upload(largeFile(part, largeBytes), { deadlineMs }));
      let back;
      const down = await heldMbDuring(async () => (back = await downloaded(part)));
      const hash = createHash('sha256');
      for (let left = largeBytes; left > 0; left -= piece.length) hash.update(piece.subarray(0, Math.min(left, piece.length)));
      expect(back).toEqual({ sizeBytes: largeBytes, hex: hash.digest('hex') });
      process.stdout.write(`held at the most: ${up} MB for an upload of 45 MB, ${down} MB for its download\n`);
      expect(up).toBeLessThan(20);
      expect(down).toBeLessThan(10);
    },
    deadlineMs,
  );

  it(
    'ten times at once holds a tenth of its bytes or little more',
    async () => {
      const parts = Array.from({ length: 10 }, () => newPart(newId(), { sizeBytes: largeBytes }));
      const heldMb = await heldMbDuring(() =>
        Promise.all(parts.map((part) => client().upload(largeFile(part, largeBytes), { deadlineMs }))),
      );
      process.stdout.write(`${heldMb} MB held at the most for ten uploads of 45 MB at once\n`);
      expect(heldMb).toBeLessThan(90);
    },
    deadlineMs,
  );

  it('is asked for again later when too many come at once', async () => {
    const gone = Promise.withResolvers<void>();
    const slow = async function* (part: fixtures.Part) {
      yield fixtures.requestsOf(part, piece)[0]!;
      await gone.promise;
    };
    const parts = Array.from({ length: 12 }, () => newPart(newId()));
    const held = parts.map((part) =>
      client()
        .upload(slow(part))
        .catch((error: { code: string }) => error.code),
    );
    const count = `select count(*)::int as count from attachment.attachment where attachment_id = any ($1)`;
    const ids = parts.map(({ attachmentId }) => attachmentId);
    await settle('twelve uploads to have begun', async () => (await here.house.query<{ count: number }>(count, [ids]))[0]!.count === 12);
    await expect(fixtures.upload(here.house, newPart(newId()), piece)).rejects.toMatchObject({
      kind: 'busy',
      code: 'UPLOADS_BUSY',
      retryAfterMs: 2_000,
    });
    gone.resolve();
    expect(new Set(await Promise.all(held))).toEqual(new Set(['UPLOAD_TRUNCATED']));
    expect(await fixtures.upload(here.house, newPart(newId()), piece)).toMatchObject({ state: AttachmentState.STORED });
  });

  it(
    'is not read ahead of a client that takes nothing',
    async () => {
      const part = newPart(newId(), { sizeBytes: largeBytes });
      await client().upload(largeFile(part, largeBytes), { deadlineMs });
      const abort = new AbortController();
      const options = { deadlineMs, signal: abort.signal };
      const steps = client().download({ tenantId: part.tenantId, attachmentId: part.attachmentId }, options);
      const reader = steps[Symbol.asyncIterator]();
      await reader.next();
      const before = heldBytes();
      const quick = newPart(newId());
      await fixtures.upload(here.house, quick, randomBytes(5_000_000));
      await fixtures.download(here.house, quick.tenantId, quick.attachmentId);
      expect((heldBytes() - before) / 1e6).toBeLessThan(30);
      abort.abort();
      await reader.return?.(undefined);
    },
    deadlineMs,
  );
});

describe('a store that is away', () => {
  it('refuses uploads and downloads for the time being, and deletions are made up for', async () => {
    const part = newPart(newId());
    await fixtures.upload(here.house, part, piece);
    await s3.down();
    await expect(fixtures.download(here.house, part.tenantId, part.attachmentId)).rejects.toMatchObject({
      kind: 'broken',
      code: 'STORE_UNREACHABLE',
    });
    await expect(fixtures.upload(here.house, newPart(part.tenantId), piece)).rejects.toMatchObject({
      kind: 'broken',
      code: 'STORE_UNREACHABLE',
    });
    await here.house.peers.storeOf('attachment').forget({ tenantId: part.tenantId, mailIds: [part.mailId] });
    await expect(fixtures.download(here.house, part.tenantId, part.attachmentId)).rejects.toMatchObject({ kind: 'not_found' });
    await s3.up();
    here.moveClock(600_000);
    await here.settled();
    expect(await s3.listObjects(part.tenantId)).toEqual([]);
  }, 90_000);
});
