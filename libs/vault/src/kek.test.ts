// The local key file: made once, for its owner alone, and wrapping each key for one place.
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileKey } from './kek.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rejoinder-key-'));
  path = join(folder, 'key');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const context = { tenant: '01935f3a-0000-7000-8000-000000000001', purpose: 'raw', day: '2026-11-24' };

test('made with a version line and 32 bytes, mode 0600, and no draft left behind', async () => {
  await fileKey(path, { createIfMissing: true });
  expect(await readFile(path, 'utf8')).toMatch(/^rejoinder-key-file 1\n[A-Za-z0-9+/]{43}=\n$/);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['key']);
});

test('ten who make it at once all get the same key, and none makes it anew', async () => {
  const keks = await Promise.all(Array.from({ length: 10 }, () => fileKey(path, { createIfMissing: true })));
  const before = await readFile(path);
  keks.push(await fileKey(path, { createIfMissing: true }), await fileKey(path));
  expect(new Set(keks.map(({ id }) => id)).size).toBe(1);
  expect(await readFile(path)).toEqual(before);
});

test('a key that was wrapped unwraps in its own context alone', async () => {
  const kek = await fileKey(path, { createIfMissing: true });
  const plain = randomBytes(32);
  const wrapped = await kek.wrap(plain, context);
  expect(await kek.unwrap(wrapped, kek.id, context)).toEqual(plain);
  expect(Buffer.from(wrapped).includes(plain)).toBe(false);
  for (const other of [{ tenant: 'another' }, { purpose: 'text' }, { day: '2026-11-25' }])
    await expect(kek.unwrap(wrapped, kek.id, { ...context, ...other })).rejects.toMatchObject({ kind: 'broken', code: 'KEY_BROKEN' });
  const changed = Buffer.from(wrapped);
  changed[20]! ^= 1;
  await expect(kek.unwrap(changed, kek.id, context)).rejects.toMatchObject({ code: 'KEY_BROKEN' });
  await expect(kek.unwrap(Buffer.alloc(0), kek.id, context)).rejects.toMatchObject({ code: 'KEY_BROKEN' });
});

test('a file of several keys wraps by the first and opens what any of them has wrapped', async () => {
  const [one, two] = await Promise.all(['one', 'two'].map((name) => fileKey(join(folder, name), { createIfMissing: true })));
  const lineOf = async (name: string) => (await readFile(join(folder, name), 'utf8')).split('\n')[1]!;
  await writeFile(path, `rejoinder-key-file 1\n${await lineOf('two')}\n${await lineOf('one')}\n`, { mode: 0o600 });
  const both = await fileKey(path);
  expect([both.id, both.ids]).toEqual([two!.id, [two!.id, one!.id]]);
  const plain = randomBytes(32);
  expect(await two!.unwrap(await both.wrap(plain, context), two!.id, context)).toEqual(plain);
  const before = await one!.wrap(plain, context);
  expect(await both.unwrap(before, one!.id, context)).toEqual(plain);
  await expect(both.unwrap(before, two!.id, context)).rejects.toMatchObject({ code: 'KEY_BROKEN' });
});

test('a file of five keys is refused', async () => {
  await writeFile(path, `rejoinder-key-file 1\n${`${randomBytes(32).toString('base64')}\n`.repeat(5)}`, { mode: 0o600 });
  await expect(fileKey(path)).rejects.toMatchObject({ code: 'KEY_FILE_DAMAGED', message: expect.stringContaining('4 at the most') });
});

test.each(['640', '604', '620', '602', '644'])('a file that others may touch (%s) is refused, and told how to mend it', async (mode) => {
  await fileKey(path, { createIfMissing: true });
  await chmod(path, Number.parseInt(mode, 8));
  const refused = { kind: 'denied', code: 'KEY_FILE_OPEN', message: expect.stringContaining(`chmod 600 ${path}`) };
  await expect(fileKey(path)).rejects.toMatchObject(refused);
  await expect(fileKey(path, { createIfMissing: true })).rejects.toMatchObject(refused);
});

test('a missing file is not made unless asked for', async () => {
  await expect(fileKey(path)).rejects.toMatchObject({ kind: 'broken', code: 'KEY_FILE_MISSING' });
  expect(await readdir(folder)).toEqual([]);
});

test.each(['', 'rejoinder-key-file 1\n', 'rejoinder-key-file 2\n' + 'A'.repeat(43) + '=\n', 'A'.repeat(43) + '=\n', 'x'.repeat(10_000)])(
  'what is no key file is refused, and not shown',
  async (content) => {
    await writeFile(path, content, { mode: 0o600 });
    const fault = await fileKey(path).catch((error: Error) => error);
    expect(fault).toMatchObject({ kind: 'broken', code: 'KEY_FILE_DAMAGED' });
    expect((fault as Error).message).not.toContain('AAAA');
  },
);

test('the key does not show when the driver is printed', async () => {
  const kek = await fileKey(path, { createIfMissing: true });
  const secret = (await readFile(path, 'utf8')).split('\n')[1]!;
  const shown = [inspect(kek, { depth: 9, showHidden: true }), JSON.stringify(kek)].join();
  for (const one of [secret, Buffer.from(secret, 'base64').toString('hex')]) expect(shown).not.toContain(one.slice(0, 12));
});
