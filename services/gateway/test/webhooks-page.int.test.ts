// What docs/webhooks.md tells people who write a receiver: its receiver is run, and its list of events is complete.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasOption, getOption, ScalarType, type DescField } from '@bufbuild/protobuf';
import { personal } from '@rejoinder/contracts/options';
import { topics, type Topic } from '@rejoinder/contracts/topics';
import { removeFolder, temporaryFolder } from '@rejoinder/testing/folders';
import { settle } from '@rejoinder/testing/settle';
import { eventKinds } from '../src/webhooks/webhook.js';
import { startWebhookHouse, type WebhookHouse } from './webhook-house.js';

let page: string;
let house: WebhookHouse;
let folder: string;
let child: ChildProcess | undefined;
let out = '';

beforeAll(async () => {
  page = await readFile(new URL('../../../docs/webhooks.md', import.meta.url), 'utf8');
  house = await startWebhookHouse();
  folder = await temporaryFolder('receiver');
});
afterAll(async () => {
  child?.kill();
  await house?.stop();
  await removeFolder(folder);
});

/** One request as anybody could make it. */
async function post(url: string, headers: Record<string, string>): Promise<number> {
  const asking = request(url, { method: 'POST', ca: house.ca.pem, headers }).end('{"type":"Forged","data":{}}');
  const [response] = (await once(asking, 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

test('the receiver of the page takes what is genuine, does its work once, and takes nothing forged', async () => {
  const place = await house.receiver();
  await place.stop();
  const { webhook_id: id, secret } = await house.add(place.url, ['InboxDisconnected']);
  const [, source] = /```js\n([^]*?)```/.exec(page)!;
  const { cert, key } = await house.ca.issue();
  const files = { 'receiver.mjs': source!, 'cert.pem': cert, 'key.pem': key };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const env = { WEBHOOK_SECRET: secret, TLS_CERT: 'cert.pem', TLS_KEY: 'key.pem', PORT: String(place.port) };
  child = spawn(process.execPath, ['receiver.mjs'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout!.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await settle('a test to be taken', async () => (await house.call<{ taken: boolean }>('POST', `/${id}/test`)).taken);

  const inboxId = await house.disconnected();
  const [delivery] = await settle('it is taken', async () => {
    const found = await house.deliveries(id);
    return found[0]?.state === 'taken' && found;
  });
  await house.call('POST', `/${id}/deliveries/${delivery!.event_id}/replay`);
  await settle('it is taken again', async () => (await house.deliveries(id))[0]!.state === 'taken');
  const lines = out.trim().split('\n');
  expect(lines.filter((line) => line.startsWith('InboxDisconnected'))).toHaveLength(1);
  expect(out).toContain(inboxId);

  const now = String(Math.floor(Date.now() / 1_000));
  const forged = { 'webhook-id': 'x', 'webhook-timestamp': now, 'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}` };
  const more: Record<string, string>[] = [{}, { 'webhook-timestamp': now }, forged, { ...forged, 'webhook-signature': 'v1,' }];
  for (const headers of more) expect(await post(place.url, headers)).toBe(401);
  expect(out).not.toContain('Forged');
});

test('the list of the page has every kind of event, with what is told of each', () => {
  const rows = [...page.matchAll(/^\| `([A-Z]\w+)` +\| [^|]+\| ([^|]+)\|$/gm)].map(
    ([, name, data]) => [name, data!.match(/\w+/g)] as const,
  );
  expect(rows.map(([name]) => name).sort()).toEqual([...eventKinds].sort());
  const told = new Map(rows.map(([name, data]) => [name, [...(data ?? [])].sort()]));
  for (const schema of Object.values<Topic>(topics).flatMap((topic) => (topic.public ? topic.events : []))) {
    expect([schema.name, told.get(schema.name)]).toEqual([
      schema.name,
      schema.fields
        .filter(isTold)
        .map(({ name }) => name)
        .sort(),
    ]);
  }
});

/** As the feed tells it, less the times. */
function isTold(field: DescField): boolean {
  if (hasOption(field, personal) && getOption(field, personal)) return false;
  return field.fieldKind === 'enum' || (field.fieldKind === 'scalar' && field.scalar !== ScalarType.BYTES);
}
