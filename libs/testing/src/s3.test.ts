// S3 stores, lists and hands out, and is away when it should be.
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startS3, type S3 } from './s3.js';

let s3: S3;
beforeAll(async () => {
  s3 = await startS3({ bucket: 'attachments' });
});
afterAll(() => s3.stop());

const put = (Key: string, Body: string) => s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body }));
const get = async (Key: string) => (await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }))).Body!.transformToString();

test('an object is put, got and listed', async () => {
  await put('a/one', 'content');
  await put('b/two', '2');
  expect(await get('a/one')).toBe('content');
  expect(await s3.listObjects()).toEqual([
    { key: 'a/one', sizeBytes: 7 },
    { key: 'b/two', sizeBytes: 1 },
  ]);
  expect(await s3.listObjects('b/')).toHaveLength(1);
});

test('a write is refused while another holds the key', async () => {
  await put('once', 'first');
  const again = new PutObjectCommand({ Bucket: s3.bucket, Key: 'once', Body: 'second', IfNoneMatch: '*' });
  await expect(s3.client.send(again)).rejects.toMatchObject({ name: 'PreconditionFailed' });
});

test('away and back, what was stored is still there', async () => {
  await put('kept', 'through a kill');
  await s3.down();
  await expect(get('kept')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await s3.up();
  expect(await get('kept')).toBe('through a kill');
});

test('while paused it does not answer', async () => {
  s3.pause();
  const putting = put('later', 'x').then(() => 'stored');
  expect(await Promise.race([putting, new Promise((resolve) => setTimeout(resolve, 200, 'waiting'))])).toBe('waiting');
  s3.resume();
  expect(await putting).toBe('stored');
});
