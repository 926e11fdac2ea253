// An operator exchanges the key file by the commands of docs/operations.md while a role works: everything opens in each step. Needs a build.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { role as attachment } from '@rejoinder/attachment/role';
import { newId } from '@rejoinder/base/id';
import { AttachmentService } from '@rejoinder/contracts/api/attachment';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { isOutage } from '@rejoinder/runtime/outage';
import { fileKey } from '@rejoinder/vault/kek';
import { Vault } from '@rejoinder/vault/vault';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { run } from '@rejoinder/testing/processes';
import { settle } from '@rejoinder/testing/settle';
import { rejoinder } from './command.js';

const operations = readFileSync(fileURLToPath(new URL('../docs/operations.md', import.meta.url)), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'rejoinder-exchange-'));
const file = (name: string) => join(folder, name);
let house: TestHouse;

beforeAll(async () => {
  const disk = { REJOINDER_STORE: 'disk', REJOINDER_STORE_FOLDER: folder };
  house = await startTestHouse({ roles: [attachment], env: disk, logLevel: 'silent' });
  writeFileSync(file('key'), readFileSync(house.env.REJOINDER_KEY_FILE!), { mode: 0o600 });
}, 120_000);
afterAll(async () => {
  await house?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const keys = (...args: string[]) => rejoinder(['keys', ...args], house.env);
const files = new Map<string, string>();

/** What mail brings: each of a tenant of its own, so that a key is made for it. */
async function capture(): Promise<void> {
  const [tenantId, attachmentId] = [newId(), newId()];
  const attachments = [{ attachmentId, fileName: 'plan.pdf', contentType: 'application/pdf', sizeBytes: 10n }];
  await house.publish('rejoinder.sync.v1', MailCapturedSchema, newId(), { mailId: newId(), attachments }, 1n, tenantId);
  const client = house.peers.client(AttachmentService);
  await settle('its record', () => client.getAttachment({ tenantId, attachmentId }).catch(() => undefined));
  files.set(attachmentId, tenantId);
}

async function allOpen(): Promise<void> {
  const client = house.peers.client(AttachmentService);
  for (const [attachmentId, tenantId] of files)
    expect(await client.getAttachment({ tenantId, attachmentId })).toMatchObject({ attachment: { fileName: 'plan.pdf' } });
}

/** A command of the page, with what stands for `npx rejoinder` and for comments left out. */
async function asWritten(command: string): Promise<void> {
  expect(operations).toContain(command);
  await run('sh', 'sh', ['-c', `umask 077; cd "${folder}"; ${command}`]);
}

const restartWith = (name: string) => house.reopen({ REJOINDER_KEY_FILE: file(name) });

it('no key is lost, and the old one is needed no more', async () => {
  await capture();
  expect(operations).toContain('npx rejoinder make-key key-new\n');
  expect((await rejoinder(['make-key', file('key-new')])).code).toBe(0);
  await asWritten('(cat key; tail -n 1 key-new) > key-both');
  await asWritten('(cat key-new; tail -n 1 key) > key-new-first');

  await restartWith('key-both');
  await capture();
  await allOpen();
  const early = await keys('rewrap');
  expect([early.code, early.out]).toEqual([
    0,
    expect.stringMatching(/^Wrapped anew by file:\w{16}: 0 keys\.\nNothing is wrapped by another/),
  ]);

  await restartWith('key-new-first');
  await capture();
  await allOpen();
  const before = await keys();
  expect([before.code, before.err]).toEqual([0, '']);
  expect(before.out).toMatch(/^file:\w{16} +1 keys {2}wraps\nfile:\w{16} +2 keys {2}opens\n$/);

  const tooEarly = await rejoinder(['attachment'], { ...house.env, REJOINDER_KEY_FILE: file('key-new') });
  expect([tooEarly.code, tooEarly.err]).toEqual([
    1,
    expect.stringMatching(/^Keys of the keyring are wrapped by file:\w{16}, and the key file has [^\n]+\n$/),
  ]);
  const listed = await rejoinder(['keys'], { ...house.env, REJOINDER_KEY_FILE: file('key-new') });
  expect([listed.code, listed.out]).toEqual([2, expect.stringMatching(/ 2 keys {2}MISSING in the key file\n$/)]);
  const inVain = await rejoinder(['keys', 'rewrap'], { ...house.env, REJOINDER_KEY_FILE: file('key-new') });
  expect([inVain.code, inVain.out]).toEqual([2, expect.stringMatching(/Still wrapped by file:\w{16}: 2 keys\.\nTake no key out/)]);

  const [rewrapped] = await Promise.all([keys('rewrap'), capture(), capture()]);
  expect([rewrapped!.code, rewrapped!.out]).toEqual([0, expect.stringContaining(': 2 keys.\nNothing is wrapped by another key')]);

  await restartWith('key-new');
  await capture();
  await allOpen();
  expect((await keys()).out).toMatch(/^file:\w{16} +6 keys {2}wraps\n$/);
}, 180_000);

it('a role that comes upon a key which it was not given says so, waits with the event, and takes it once it was given the key', async () => {
  await rejoinder(['make-key', file('key-other')]);
  const tenantId = newId();
  const other = new Vault('attachment', house.house.keyringPool, await fileKey(file('key-other')), house.house.clock);
  await other.seal({ tenantId, purpose: 'files', row: 'of another process' }, Buffer.from('x'));
  const { health } = house.roles[0]!;
  const says = (sentence: string) => settle(sentence, async () => health().troubles.some((trouble) => trouble.startsWith(sentence)));
  await says('Keys of the keyring are wrapped by');
  expect(health().ready).toBe(true);
  const attachmentId = newId();
  const attachments = [{ attachmentId, fileName: 'plan.pdf', contentType: 'application/pdf', sizeBytes: 10n }];
  await house.publish('rejoinder.sync.v1', MailCapturedSchema, newId(), { mailId: newId(), attachments }, 1n, tenantId);
  await says('rejoinder.attachment does not get past a batch');
  // So it counts as no try, after some of which an event is dead.
  const own = new Vault('attachment', house.house.keyringPool, house.house.keyEncryption, house.house.clock);
  const refusal = await own.seal({ tenantId, purpose: 'files', row: 'x' }, Buffer.from('x')).catch((error: unknown) => error);
  expect(isOutage(refusal)).toBe(true);

  writeFileSync(file('key-given'), `${readFileSync(file('key-new'), 'utf8')}${readFileSync(file('key-other'), 'utf8').split('\n')[1]}\n`, {
    mode: 0o600,
  });
  files.set(attachmentId, tenantId);
  await restartWith('key-given');
  await settle('its record', () =>
    allOpen().then(
      () => true,
      () => false,
    ),
  );
  expect(house.roles[0]!.health().troubles).toEqual([]);
  expect(await house.query('select 1 from attachment.dead_letter')).toEqual([]);
}, 120_000);
