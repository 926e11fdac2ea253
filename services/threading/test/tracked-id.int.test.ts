// What a person tracks by its Message-ID, whose graph it is in, and how long what nobody tracks is known.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { CaptureMailSchema, FindMailSchema } from '@rejoinder/contracts/commands';
import { InboxConnectedSchema } from '@rejoinder/contracts/events/connections';
import { CaptureFailedSchema, MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { Database } from '@rejoinder/runtime/database';
import { settle } from '@rejoinder/testing/settle';
import { NodeKeeper } from '../src/graph/node-keeper.js';
import { hash, observed, observe, send, trackedMail, verdictOf, stored, here, openHouse, closeHouse } from './threading-house.js';

beforeAll(openHouse);
afterAll(closeHouse);

describe('a Message-ID that a person tracks', () => {
  const api = () => here.house.peers.client(ThreadingService);
  const state = async (trackedId: string) => (await api().getTracked({ tenantId: here.house.tenantId, trackedId })).state;
  const hashOf = async (messageId: string) => {
    const { Vault } = await import('@rejoinder/vault/vault');
    return (await here.house.roles[0]!.app.get(Vault).hasher(here.house.tenantId)).hash('message-id', messageId);
  };

  test('of a mail nobody has seen is searched for, then not found, and tracked if it turns up all the same', async () => {
    const messageId = `${newId()}@elsewhere.test`;
    const inboxId = newId();
    await here.house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address: `${inboxId}@house.test` });
    await settle(
      'the inbox',
      async () => (await here.house.query('select 1 from threading.own_address where inbox_id = $1', [inboxId])).length,
    );
    const { trackedId, state: first } = await api().track({ tenantId: here.house.tenantId, messageId: `<${messageId}>` });
    expect(first).toBe('searching');
    const messageIdHash = await hashOf(messageId);
    await settle('the search', async () =>
      (await here.house.published('rejoinder.sync.commands.v1', FindMailSchema)).some(
        (one) => one.inboxId === inboxId && messageIdHash.equals(one.messageIdHash),
      ),
    );
    const answer = observed({ chainHashes: [messageIdHash] });
    await observe(inboxId, [answer]);
    await trackedMail(answer.mailId);
    here.skewMs += 11 * 60_000;
    await here.house.query(`notify rejoinder_wake, 'test/threading'`);
    await settle('the search to end', async () => (await state(trackedId)) === 'not_found');
    const found = observed({ messageIdHash });
    await observe(inboxId, [found]);
    expect((await trackedMail(found.mailId)).because).toBe('api');
    expect(await state(trackedId)).toBe('tracked');
    await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId: found.mailId, revision: 1n });
    await settle('the capture', async () => (await state(trackedId)) === 'captured');
  });

  test('of a known mail makes it a root; asked twice it is the same', async () => {
    const messageId = `${newId()}@elsewhere.test`;
    const inboxId = newId();
    const known = observed({ messageIdHash: await hashOf(messageId) });
    await observe(inboxId, [known]);
    await stored(known.mailId);
    const [one, other] = [
      await api().track({ tenantId: here.house.tenantId, messageId }),
      await api().track({ tenantId: here.house.tenantId, messageId }),
    ];
    expect([one.state, one.mailId, other.trackedId]).toEqual(['tracked', known.mailId, one.trackedId]);
    await here.house.publish('rejoinder.sync.v1', CaptureFailedSchema, inboxId, {
      inboxId,
      mailId: known.mailId,
      revision: 1n,
      reason: 'gone',
    });
    await settle('the refusal', async () => (await state(one.trackedId)) === 'refused');
  });

  test('of a mail that nobody has seen is taken back with what it let in; of one that has come, its mail is', async () => {
    const messageId = `${newId()}@elsewhere.test`;
    const messageIdHash = await hashOf(messageId);
    const { tenantId } = here.house;
    const { trackedId } = await api().track({ tenantId, messageId });
    const answer = observed({ chainHashes: [messageIdHash] });
    await observe(newId(), [answer]);
    await trackedMail(answer.mailId);
    await api().untrack({ tenantId: newId(), trackedId });
    expect(await verdictOf(answer.mailId)).toBe('tracked');
    for (const _ of [1, 2]) await api().untrack({ tenantId, trackedId });
    expect(await verdictOf(answer.mailId)).toBe('untracked');
    await expect(state(trackedId)).rejects.toMatchObject({ kind: 'not_found' });
    const come = observed({ messageIdHash });
    await observe(newId(), [come]);
    expect(await stored(come.mailId)).toBe('untracked');

    const again = await api().track({ tenantId, messageId });
    expect(again.mailId).toBe(come.mailId);
    await expect(api().untrack({ tenantId, trackedId: again.trackedId })).rejects.toMatchObject({
      kind: 'conflict',
      code: 'MAIL_HAS_COME',
    });
    const { pin } = await api().unlog({ tenantId, mailId: come.mailId, by: 'tester' });
    expect(await verdictOf(answer.mailId)).toBe('untracked');
    expect(await api().getTracked({ tenantId, trackedId: again.trackedId })).toMatchObject({ state: 'refused', reason: 'unlogged' });
    await expect(api().track({ tenantId, messageId })).rejects.toMatchObject({ kind: 'conflict', code: 'UNLOGGED' });
    await api().unpin({ tenantId, pinId: pin!.pinId });
    expect([await verdictOf(answer.mailId), await state(again.trackedId)]).toEqual(['tracked', 'tracked']);
  });

  test('of a mail that was forgotten is refused, whether it was tracked before or is now, and whatever comes late', async () => {
    const inboxId = newId();
    const messageIds = [1, 2, 3].map(() => `${newId()}@elsewhere.test`);
    const mails = await Promise.all(messageIds.map(async (id) => observed({ messageIdHash: await hashOf(id) })));
    await observe(inboxId, mails);
    for (const { mailId } of mails) await stored(mailId);
    const track = (at: number) => api().track({ tenantId: here.house.tenantId, messageId: messageIds[at]! });
    const [before, last] = [await track(0), await track(2)];
    await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId: mails[0]!.mailId, revision: 1n });
    await settle('the capture', async () => (await state(before.trackedId)) === 'captured');

    const mailIds = mails.slice(0, 2).map(({ mailId }) => mailId);
    for (const _ of [1, 2]) await here.house.peers.storeOf('threading').forget({ tenantId: here.house.tenantId, mailIds });
    const after = await track(1);
    expect(after).toMatchObject({ state: 'refused', reason: 'forgotten', mailId: mails[1]!.mailId });
    await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId: mails[1]!.mailId, revision: 1n });
    await here.house.publish('rejoinder.sync.v1', CaptureFailedSchema, inboxId, {
      inboxId,
      mailId: mails[2]!.mailId,
      revision: 1n,
      reason: 'gone',
    });
    await settle('the late word to be taken, with one after it', async () => (await state(last.trackedId)) === 'refused');
    for (const { trackedId } of [before, after])
      expect(await api().getTracked({ tenantId: here.house.tenantId, trackedId })).toMatchObject({ state: 'refused', reason: 'forgotten' });
    const commands = await here.house.published('rejoinder.sync.commands.v1', CaptureMailSchema);
    expect(commands.filter((one) => one.mailId === mails[1]!.mailId)).toEqual([]);
  });

  test('is told of by its own id too, where it was logged by folder or keyword', async () => {
    const inboxId = newId();
    const [logged, other] = [observed({ logged: true }), observed()];
    await observe(inboxId, [logged, other]);
    await trackedMail(logged.mailId);
    expect(await state(logged.mailId)).toBe('tracked');
    await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId: logged.mailId, revision: 1n });
    await settle('the capture', async () => (await state(logged.mailId)) === 'captured');
    await expect(state(other.mailId)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(api().getTracked({ tenantId: newId(), trackedId: logged.mailId })).rejects.toMatchObject({ kind: 'not_found' });
  });

  test('is refused where it is none, and another tenant knows nothing of it', async () => {
    await expect(api().track({ tenantId: here.house.tenantId, messageId: ' ' })).rejects.toMatchObject({
      kind: 'invalid',
      code: 'MESSAGE_ID',
    });
    const { trackedId } = await api().track({ tenantId: here.house.tenantId, messageId: `${newId()}@elsewhere.test` });
    await expect(api().getTracked({ tenantId: newId(), trackedId })).rejects.toMatchObject({ kind: 'not_found' });
  });
});

test('another tenant with the same hashes is another graph', async () => {
  const inboxId = newId();
  const root = await send(inboxId);
  const reply = observed({ chainHashes: [root.messageIdHash] });
  await observe(newId(), [reply], newId());
  expect(await stored(reply.mailId)).toBe('untracked');
  await trackedMail(root.mailId);
  const database = here.house.roles[0]!.app.get(Database);
  const rows = (scope: string) =>
    database.read({ tenant: scope }, (tx) => tx.$queryRawUnsafe<object[]>('select 1 from node union all select 1 from citation'));
  expect([(await rows(newId())).length, (await rows(here.house.tenantId)).length > 0]).toEqual([0, true]);
});

test('mails that are not tracked are forgotten before they are 60 days old; tracked ones stay', async () => {
  const inboxId = newId();
  const root = await send(inboxId);
  const [reply, secret] = [observed({ chainHashes: [root.messageIdHash] }), observed({ chainHashes: [hash()] })];
  await observe(inboxId, [reply, secret]);
  await trackedMail(reply.mailId);
  here.skewMs += 59.5 * 86_400_000;
  expect(await here.house.roles[0]!.app.get(NodeKeeper).keep()).toBe(0);
  here.skewMs += 0.4 * 86_400_000;
  expect(await here.house.roles[0]!.app.get(NodeKeeper).keep()).toBeGreaterThan(0);
  expect([await verdictOf(reply.mailId), await verdictOf(secret.mailId)]).toEqual(['tracked', undefined]);
  expect(
    await here.house.query(
      'select 1 from threading.bearer where mail_id = $1 union all select 1 from threading.citation where mail_id = $1',
      [secret.mailId],
    ),
  ).toEqual([]);
  const { stores } = await here.house.peers.storeOf('threading').listOldest({});
  const nodes = stores.find((one) => one.name === 'threading.untracked_node')!;
  expect([nodes.limitSeconds, nodes.oldest]).toEqual([60n * 86_400n, undefined]);
});
