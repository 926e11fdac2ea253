// Threading with its bus, gRPC and PostgreSQL: events in, verdicts and commands out.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { newId } from '@rejoinder/base/id';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { CaptureMailSchema, DropMailSchema, FindMailSchema } from '@rejoinder/contracts/commands';
import { InboxConnectedSchema } from '@rejoinder/contracts/events/connections';
import { SendAcceptedSchema } from '@rejoinder/contracts/events/sending';
import { CaptureFailedSchema, MailCapturedSchema, MailsObservedSchema, type ObservedMailSchema } from '@rejoinder/contracts/events/sync';
import { MailTrackedSchema, MailUntrackedSchema, ThreadMergedSchema } from '@rejoinder/contracts/events/threading';
import { Database } from '@rejoinder/runtime/database';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';
import { NodeKeeper } from '../src/graph/node-keeper.js';

let house: TestHouse;
let skewMs = 0;
beforeAll(async () => {
  house = await startTestHouse({ roles: [role], clock: { now: () => new Date(Date.now() + skewMs) } });
});
afterAll(() => house.stop());

type Observed = MessageInitShape<typeof ObservedMailSchema>;
const hash = () => randomBytes(32);
const people = { ann: hash(), bob: hash(), zoe: hash(), own: hash() };
const subject = hash();

/** A mail as sync tells of it: from Ann to our own address, unless said otherwise. */
const observed = (more: Observed = {}): Observed & { mailId: string; messageIdHash: Uint8Array } => ({
  mailId: newId(),
  messageIdHash: hash(),
  fromHash: people.ann,
  recipientHashes: [people.own],
  baseSubjectHash: subject,
  folderRole: 'inbox',
  ...more,
});

const observe = (inboxId: string, mails: Observed[], tenantId = house.tenantId) =>
  house.publish('rejoinder.sync.internal.v1', MailsObservedSchema, inboxId, { inboxId, mails }, 0n, tenantId);

async function send(inboxId: string, more: MessageInitShape<typeof SendAcceptedSchema> = {}) {
  const message = {
    sendId: newId(),
    inboxId,
    mailId: newId(),
    messageIdHash: hash(),
    fromHash: people.own,
    recipientHashes: [people.ann],
    baseSubjectHash: subject,
    ...more,
  };
  await house.publish('rejoinder.sending.v1', SendAcceptedSchema, inboxId, message);
  return message;
}

const tracked = async () => house.published('rejoinder.threading.v1', MailTrackedSchema);
const trackedMail = (mailId: string) =>
  settle('the mail to be tracked', async () => (await tracked()).findLast((one) => one.mailId === mailId));
const captures = async (mailId: string) =>
  (await house.published('rejoinder.sync.commands.v1', CaptureMailSchema)).filter((one) => one.mailId === mailId);
const verdictOf = async (mailId: string) =>
  (await house.query<{ verdict: string }>('select verdict from threading.node where mail_id = $1', [mailId]))[0]?.verdict;
const stored = (mailId: string) => settle('the mail to be stored', () => verdictOf(mailId));

describe('an answer to a send', () => {
  test('is tracked and captured where it lies, if the send was told first', async () => {
    const inboxId = newId();
    const root = await send(inboxId);
    const reply = observed({ chainHashes: [root.messageIdHash] });
    await observe(inboxId, [reply]);
    const told = await trackedMail(reply.mailId);
    expect(told).toMatchObject({ because: 'answers', answersMailId: root.mailId, revision: 1n });
    expect((await trackedMail(root.mailId)).threadId).toBe(told.threadId);
    const [command, ...more] = await settle('the command', async () => nonEmpty(await captures(reply.mailId)));
    expect([command!.inboxId, command!.onlyIfQuoting, command!.threadId, more.length]).toEqual([inboxId, false, told.threadId, 0]);
    expect(await captures(root.mailId)).toEqual([]);
  });

  test('is tracked too if it was observed before, with all that answers it', async () => {
    const inboxId = newId();
    const messageIdHash = hash();
    const reply = observed({ chainHashes: [messageIdHash] });
    const again = observed({ chainHashes: [reply.messageIdHash] });
    await observe(inboxId, [again]);
    await observe(inboxId, [reply]);
    await stored(reply.mailId);
    await send(inboxId, { messageIdHash });
    expect((await trackedMail(again.mailId)).answersMailId).toBe(reply.mailId);
  });

  test('is captured in a further inbox of the tenant until one of them has it', async () => {
    const [first, second, third] = [newId(), newId(), newId()];
    const root = await send(first);
    const reply = observed({ chainHashes: [root.messageIdHash] });
    await observe(first, [reply]);
    await trackedMail(reply.mailId);
    await observe(second, [reply]);
    const commands = await settle('both commands', async () => atLeast(2, await captures(reply.mailId)));
    expect(commands.map((one) => [one.inboxId, one.revision]).sort()).toEqual([first, second].sort().map((inboxId) => [inboxId, 1n]));
    await house.publish('rejoinder.sync.v1', MailCapturedSchema, first, { inboxId: first, mailId: reply.mailId, revision: 1n });
    await settle(
      'the capture to be known',
      async () =>
        (await house.query('select 1 from threading.node where mail_id = $1 and capture = $2', [reply.mailId, 'captured'])).length,
    );
    await observe(third, [reply]);
    await settle(
      'the third inbox',
      async () =>
        (await house.query('select 1 from threading.node where mail_id = $1 and $2 = any (inbox_ids)', [reply.mailId, third])).length,
    );
    expect(await captures(reply.mailId)).toHaveLength(2);
  });

  test('does not make a private mail tracked that it cites as well', async () => {
    const inboxId = newId();
    const root = await send(inboxId);
    const secret = observed();
    const third = observed({ chainHashes: [secret.messageIdHash, root.messageIdHash] });
    await observe(inboxId, [secret, third]);
    await trackedMail(third.mailId);
    expect(await verdictOf(secret.mailId)).toBe('untracked');
    expect(await captures(secret.mailId)).toEqual([]);
  });
});

test('a stranger who forges the Message-ID of a send is not tracked', async () => {
  const inboxId = newId();
  const root = await send(inboxId);
  const forged = observed({ messageIdHash: root.messageIdHash, fromHash: people.zoe });
  const reply = observed({ chainHashes: [root.messageIdHash] });
  await observe(inboxId, [forged, reply]);
  await trackedMail(reply.mailId);
  expect(await verdictOf(forged.mailId)).toBe('untracked');
});

test('the id that a provider gave our mail counts from our own Sent folder alone', async () => {
  const inboxId = newId();
  const root = await send(inboxId);
  const [rewritten, replayed] = [hash(), hash()];
  const copy = { mailId: root.mailId, sendId: root.sendId, fromHash: people.own };
  await observe(inboxId, [
    observed({ ...copy, messageIdHash: replayed }),
    observed({ ...copy, messageIdHash: rewritten, folderRole: 'sent' }),
  ]);
  const [toRewritten, toReplayed] = [observed({ chainHashes: [rewritten] }), observed({ chainHashes: [replayed] })];
  await observe(inboxId, [toReplayed, toRewritten]);
  await trackedMail(toRewritten.mailId);
  expect(await verdictOf(toReplayed.mailId)).toBe('untracked');
});

test('more mails than one transaction reaches are judged all the same', { timeout: 120_000 }, async () => {
  const [inboxId, messageIdHash] = [newId(), hash()];
  const batches = Array.from({ length: 12 }, () => Array.from({ length: 500 }, () => observed({ chainHashes: [messageIdHash] })));
  for (const mails of batches) await observe(inboxId, mails);
  const count = async (verdict: string) =>
    (
      await house.query<{ count: number }>(
        'select count(*)::int as count from threading.node where $1 = any (inbox_ids) and verdict = $2',
        [inboxId, verdict],
      )
    )[0]!.count;
  await settle('all to be stored', async () => (await count('untracked')) === 6_000, { timeoutMs: 60_000 });
  await send(inboxId, { messageIdHash });
  await settle('all to be tracked', async () => (await count('tracked')) === 6_000, { timeoutMs: 60_000 });
  expect(await house.query('select 1 from threading.recheck')).toEqual([]);
});

describe('a mail that does not say whom it is from', () => {
  const fromNobody = new Uint8Array();

  test('is taken, and so are those beside it; it answers, if it cites and is to one of those on the mail', async () => {
    const inboxId = newId();
    const root = await send(inboxId);
    const answer = observed({ chainHashes: [root.messageIdHash], fromHash: fromNobody, recipientHashes: [people.ann] });
    const other = observed({ chainHashes: [root.messageIdHash] });
    await observe(inboxId, [answer, observed({ fromHash: fromNobody, recipientHashes: [] }), other]);
    for (const { mailId } of [answer, other]) await trackedMail(mailId);
  });

  test('has no sender in common with another such mail', async () => {
    const inboxId = newId();
    const logged = observed({ fromHash: fromNobody, recipientHashes: [people.bob], logged: true });
    const cut = observed({
      chainHashes: [logged.messageIdHash],
      fromHash: fromNobody,
      recipientHashes: [people.zoe],
      baseSubjectHash: hash(),
    });
    await observe(inboxId, [logged, cut]);
    await trackedMail(logged.mailId);
    expect(await stored(cut.mailId)).toBe('untracked');
  });
});

describe('a mail re-addressed to others', () => {
  const moved = async () => {
    const inboxId = newId();
    const root = await send(inboxId);
    const mail = observed({ chainHashes: [root.messageIdHash], fromHash: people.own, recipientHashes: [people.zoe] });
    await house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address: 'own@house.test' });
    return { inboxId, root, mail };
  };

  test('under the same subject is read only to see whether it quotes, and tracked if it does', async () => {
    const { inboxId, mail } = await moved();
    const reply = { ...mail, fromHash: people.zoe, recipientHashes: [people.bob] };
    await observe(inboxId, [reply]);
    const [command] = await settle('the question', async () => nonEmpty(await captures(mail.mailId)));
    expect(command!.onlyIfQuoting).toBe(true);
    expect((await tracked()).some((one) => one.mailId === mail.mailId)).toBe(false);
    await house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId: mail.mailId, revision: command!.revision });
    expect((await trackedMail(mail.mailId)).revision).toBe(command!.revision + 1n);
    expect(await captures(mail.mailId)).toHaveLength(1);
  });

  test('is not tracked if it quotes nothing', async () => {
    const { inboxId, mail } = await moved();
    await observe(inboxId, [{ ...mail, fromHash: people.zoe, recipientHashes: [people.bob] }]);
    const [command] = await settle('the question', async () => nonEmpty(await captures(mail.mailId)));
    await house.publish('rejoinder.sync.v1', CaptureFailedSchema, inboxId, {
      inboxId,
      mailId: mail.mailId,
      revision: command!.revision,
      reason: 'not_quoting',
    });
    await settle('the verdict', async () => (await verdictOf(mail.mailId)) === 'untracked');
    expect((await tracked()).some((one) => one.mailId === mail.mailId)).toBe(false);
    expect((await house.published('rejoinder.sync.commands.v1', DropMailSchema)).some((one) => one.mailId === mail.mailId)).toBe(false);
  });

  test('is withdrawn if the mail it was cut from is seen only later', async () => {
    const { inboxId, root } = await moved();
    const between = observed({
      fromHash: people.zoe,
      recipientHashes: [people.bob],
      baseSubjectHash: hash(),
      chainHashes: [root.messageIdHash],
    });
    const late = observed({ chainHashes: [root.messageIdHash, between.messageIdHash] });
    await observe(inboxId, [late]);
    const first = await trackedMail(late.mailId);
    await observe(inboxId, [between]);
    const withdrawn = await settle('the withdrawal', async () =>
      (await house.published('rejoinder.threading.v1', MailUntrackedSchema)).find((one) => one.mailId === late.mailId),
    );
    expect([withdrawn.revision, withdrawn.because]).toEqual([first.revision + 1n, 'cut']);
    const drops = await settle('the drop', async () =>
      nonEmpty((await house.published('rejoinder.sync.commands.v1', DropMailSchema)).filter((one) => one.mailId === late.mailId)),
    );
    expect(drops.map((one) => [one.inboxId, one.revision])).toEqual([[inboxId, withdrawn.revision]]);
  });
});

test('two threads that turn out to be one go on as the oldest', async () => {
  const inboxId = newId();
  const [one, other] = [await send(inboxId), await send(inboxId)];
  const [first, second] = [await trackedMail(one.mailId), await trackedMail(other.mailId)];
  const both = observed({ chainHashes: [one.messageIdHash, other.messageIdHash] });
  await observe(inboxId, [both]);
  const [oldest, gone] = [first.threadId, second.threadId].sort();
  const merged = await settle('the merge', async () =>
    (await house.published('rejoinder.threading.internal.v1', ThreadMergedSchema)).find((event) => event.mergedThreadId === gone),
  );
  expect(merged.threadId).toBe(oldest);
  expect((await trackedMail(both.mailId)).threadId).toBe(oldest);
});

describe('a Message-ID that a person tracks', () => {
  const api = () => house.peers.client(ThreadingService);
  const state = async (trackedId: string) => (await api().getTracked({ tenantId: house.tenantId, trackedId })).state;
  const hashOf = async (messageId: string) => {
    const { Vault } = await import('@rejoinder/vault/vault');
    return (await house.roles[0]!.app.get(Vault).hasher(house.tenantId)).hash('message-id', messageId);
  };

  test('of a mail nobody has seen is searched for, then not found, and tracked if it turns up all the same', async () => {
    const messageId = `${newId()}@elsewhere.test`;
    const inboxId = newId();
    await house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address: `${inboxId}@house.test` });
    await settle('the inbox', async () => (await house.query('select 1 from threading.own_address where inbox_id = $1', [inboxId])).length);
    const { trackedId, state: first } = await api().track({ tenantId: house.tenantId, messageId: `<${messageId}>` });
    expect(first).toBe('searching');
    const messageIdHash = await hashOf(messageId);
    await settle('the search', async () =>
      (await house.published('rejoinder.sync.commands.v1', FindMailSchema)).some(
        (one) => one.inboxId === inboxId && messageIdHash.equals(one.messageIdHash),
      ),
    );
    const answer = observed({ chainHashes: [messageIdHash] });
    await observe(inboxId, [answer]);
    await trackedMail(answer.mailId);
    skewMs += 11 * 60_000;
    await house.query(`notify rejoinder_wake, 'test/threading'`);
    await settle('the search to end', async () => (await state(trackedId)) === 'not_found');
    const found = observed({ messageIdHash });
    await observe(inboxId, [found]);
    expect((await trackedMail(found.mailId)).because).toBe('api');
    expect(await state(trackedId)).toBe('tracked');
    await house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId: found.mailId, revision: 1n });
    await settle('the capture', async () => (await state(trackedId)) === 'captured');
  });

  test('of a known mail makes it a root; asked twice it is the same', async () => {
    const messageId = `${newId()}@elsewhere.test`;
    const inboxId = newId();
    const known = observed({ messageIdHash: await hashOf(messageId) });
    await observe(inboxId, [known]);
    await stored(known.mailId);
    const [one, other] = [
      await api().track({ tenantId: house.tenantId, messageId }),
      await api().track({ tenantId: house.tenantId, messageId }),
    ];
    expect([one.state, one.mailId, other.trackedId]).toEqual(['tracked', known.mailId, one.trackedId]);
    await house.publish('rejoinder.sync.v1', CaptureFailedSchema, inboxId, { inboxId, mailId: known.mailId, revision: 1n, reason: 'gone' });
    await settle('the refusal', async () => (await state(one.trackedId)) === 'refused');
  });

  test('of a mail that was forgotten is refused, whether it was tracked before or is now, and whatever comes late', async () => {
    const inboxId = newId();
    const messageIds = [1, 2, 3].map(() => `${newId()}@elsewhere.test`);
    const mails = await Promise.all(messageIds.map(async (id) => observed({ messageIdHash: await hashOf(id) })));
    await observe(inboxId, mails);
    for (const { mailId } of mails) await stored(mailId);
    const track = (at: number) => api().track({ tenantId: house.tenantId, messageId: messageIds[at]! });
    const [before, last] = [await track(0), await track(2)];
    await house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId: mails[0]!.mailId, revision: 1n });
    await settle('the capture', async () => (await state(before.trackedId)) === 'captured');

    const mailIds = mails.slice(0, 2).map(({ mailId }) => mailId);
    for (const _ of [1, 2]) await house.peers.storeOf('threading').forget({ tenantId: house.tenantId, mailIds });
    const after = await track(1);
    await house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId: mails[1]!.mailId, revision: 1n });
    await house.publish('rejoinder.sync.v1', CaptureFailedSchema, inboxId, {
      inboxId,
      mailId: mails[2]!.mailId,
      revision: 1n,
      reason: 'gone',
    });
    await settle('the late word to be taken, with one after it', async () => (await state(last.trackedId)) === 'refused');
    for (const { trackedId } of [before, after])
      expect(await api().getTracked({ tenantId: house.tenantId, trackedId })).toMatchObject({ state: 'refused', reason: 'forgotten' });
    const commands = await house.published('rejoinder.sync.commands.v1', CaptureMailSchema);
    expect(commands.filter((one) => one.mailId === mails[1]!.mailId)).toEqual([]);
  });

  test('is told of by its own id too, where it was logged by folder or keyword', async () => {
    const inboxId = newId();
    const [logged, other] = [observed({ logged: true }), observed()];
    await observe(inboxId, [logged, other]);
    await trackedMail(logged.mailId);
    expect(await state(logged.mailId)).toBe('tracked');
    await house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId: logged.mailId, revision: 1n });
    await settle('the capture', async () => (await state(logged.mailId)) === 'captured');
    await expect(state(other.mailId)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(api().getTracked({ tenantId: newId(), trackedId: logged.mailId })).rejects.toMatchObject({ kind: 'not_found' });
  });

  test('is refused where it is none, and another tenant knows nothing of it', async () => {
    await expect(api().track({ tenantId: house.tenantId, messageId: ' ' })).rejects.toMatchObject({ kind: 'invalid', code: 'MESSAGE_ID' });
    const { trackedId } = await api().track({ tenantId: house.tenantId, messageId: `${newId()}@elsewhere.test` });
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
  const database = house.roles[0]!.app.get(Database);
  const rows = (scope: string) =>
    database.read({ tenant: scope }, (tx) => tx.$queryRawUnsafe<object[]>('select 1 from node union all select 1 from citation'));
  expect([(await rows(newId())).length, (await rows(house.tenantId)).length > 0]).toEqual([0, true]);
});

test('events that come twice change nothing', async () => {
  const inboxId = newId();
  const root = await send(inboxId);
  const reply = observed({ chainHashes: [root.messageIdHash] });
  await observe(inboxId, [reply]);
  await trackedMail(reply.mailId);
  await house.publish('rejoinder.sending.v1', SendAcceptedSchema, inboxId, root);
  await observe(inboxId, [reply]);
  const last = observed({ chainHashes: [reply.messageIdHash] });
  await observe(inboxId, [last]);
  await trackedMail(last.mailId);
  expect((await tracked()).filter((one) => [root.mailId, reply.mailId].includes(one.mailId))).toHaveLength(2);
  expect(await captures(reply.mailId)).toHaveLength(1);
});

test('mails that are not tracked are forgotten before they are 60 days old; tracked ones stay', async () => {
  const inboxId = newId();
  const root = await send(inboxId);
  const [reply, secret] = [observed({ chainHashes: [root.messageIdHash] }), observed({ chainHashes: [hash()] })];
  await observe(inboxId, [reply, secret]);
  await trackedMail(reply.mailId);
  skewMs += 59.5 * 86_400_000;
  expect(await house.roles[0]!.app.get(NodeKeeper).keep()).toBe(0);
  skewMs += 0.4 * 86_400_000;
  expect(await house.roles[0]!.app.get(NodeKeeper).keep()).toBeGreaterThan(0);
  expect([await verdictOf(reply.mailId), await verdictOf(secret.mailId)]).toEqual(['tracked', undefined]);
  expect(
    await house.query('select 1 from threading.bearer where mail_id = $1 union all select 1 from threading.citation where mail_id = $1', [
      secret.mailId,
    ]),
  ).toEqual([]);
  const { stores } = await house.peers.storeOf('threading').listOldest({});
  const nodes = stores.find((one) => one.name === 'threading.untracked_node')!;
  expect([nodes.limitSeconds, nodes.oldest]).toEqual([60n * 86_400n, undefined]);
});

const nonEmpty = <T>(list: T[]): T[] | undefined => (list.length > 0 ? list : undefined);
const atLeast = <T>(count: number, list: T[]): T[] | undefined => (list.length >= count ? list : undefined);
