// Threading with its bus, gRPC and PostgreSQL: events in, verdicts and commands out.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { DropMailSchema } from '@rejoinder/contracts/commands';
import { InboxConnectedSchema } from '@rejoinder/contracts/events/connections';
import { SendAcceptedSchema } from '@rejoinder/contracts/events/sending';
import { CaptureFailedSchema, MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { MailUntrackedSchema, ThreadMergedSchema, ThreadSplitSchema } from '@rejoinder/contracts/events/threading';
import { settle } from '@rejoinder/testing/settle';
import {
  hash,
  people,
  observed,
  observe,
  send,
  tracked,
  trackedMail,
  captures,
  verdictOf,
  stored,
  nonEmpty,
  atLeast,
  here,
  openHouse,
  closeHouse,
} from './threading-house.js';

beforeAll(openHouse);
afterAll(closeHouse);

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
    await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, first, { inboxId: first, mailId: reply.mailId, revision: 1n });
    await settle(
      'the capture to be known',
      async () =>
        (await here.house.query('select 1 from threading.node where mail_id = $1 and capture = $2', [reply.mailId, 'captured'])).length,
    );
    await observe(third, [reply]);
    await settle(
      'the third inbox',
      async () =>
        (await here.house.query('select 1 from threading.node where mail_id = $1 and $2 = any (inbox_ids)', [reply.mailId, third])).length,
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
      await here.house.query<{ count: number }>(
        'select count(*)::int as count from threading.node where $1 = any (inbox_ids) and verdict = $2',
        [inboxId, verdict],
      )
    )[0]!.count;
  await settle('all to be stored', async () => (await count('untracked')) === 6_000, { timeoutMs: 60_000 });
  await send(inboxId, { messageIdHash });
  await settle('all to be tracked', async () => (await count('tracked')) === 6_000, { timeoutMs: 60_000 });
  expect(await here.house.query('select 1 from threading.recheck')).toEqual([]);
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
    await here.house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address: 'own@house.test' });
    return { inboxId, root, mail };
  };

  test('under the same subject is read only to see whether it quotes, and tracked if it does', async () => {
    const { inboxId, mail } = await moved();
    const reply = { ...mail, fromHash: people.zoe, recipientHashes: [people.bob] };
    await observe(inboxId, [reply]);
    const [command] = await settle('the question', async () => nonEmpty(await captures(mail.mailId)));
    expect(command!.onlyIfQuoting).toBe(true);
    expect((await tracked()).some((one) => one.mailId === mail.mailId)).toBe(false);
    await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, {
      inboxId,
      mailId: mail.mailId,
      revision: command!.revision,
    });
    expect((await trackedMail(mail.mailId)).revision).toBe(command!.revision + 1n);
    expect(await captures(mail.mailId)).toHaveLength(1);
  });

  test('is not tracked if it quotes nothing', async () => {
    const { inboxId, mail } = await moved();
    await observe(inboxId, [{ ...mail, fromHash: people.zoe, recipientHashes: [people.bob] }]);
    const [command] = await settle('the question', async () => nonEmpty(await captures(mail.mailId)));
    await here.house.publish('rejoinder.sync.v1', CaptureFailedSchema, inboxId, {
      inboxId,
      mailId: mail.mailId,
      revision: command!.revision,
      reason: 'not_quoting',
    });
    await settle('the verdict', async () => (await verdictOf(mail.mailId)) === 'untracked');
    expect((await tracked()).some((one) => one.mailId === mail.mailId)).toBe(false);
    expect((await here.house.published('rejoinder.sync.commands.v1', DropMailSchema)).some((one) => one.mailId === mail.mailId)).toBe(
      false,
    );
  });

  test.each([
    ['stays', true],
    ['is withdrawn', false],
  ])(
    '%s, and is not read again, if its text was read (quoting: %s) and the mail it went away from is seen only later',
    async (_, carriesQuote) => {
      const { inboxId, root } = await moved();
      const between = observed({ fromHash: people.zoe, recipientHashes: [people.bob], chainHashes: [root.messageIdHash], logged: true });
      const late = observed({ chainHashes: [root.messageIdHash, between.messageIdHash] });
      await observe(inboxId, [late]);
      const { mailId } = late;
      const { revision } = await trackedMail(mailId);
      await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId, revision, carriesQuote });
      const isRead = async () =>
        (await here.house.query('select 1 from threading.node where mail_id = $1 and carries_quote = $2', [mailId, carriesQuote])).length;
      await settle('the text to be known', async () => (await isRead()) > 0);
      await observe(inboxId, [between]);
      await trackedMail(between.mailId);
      expect(await verdictOf(mailId)).toBe(carriesQuote ? 'tracked' : 'untracked');
      expect(await captures(mailId)).toHaveLength(1);
    },
  );

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
      (await here.house.published('rejoinder.threading.v1', MailUntrackedSchema)).find((one) => one.mailId === late.mailId),
    );
    expect([withdrawn.revision, withdrawn.because]).toEqual([first.revision + 1n, 'cut']);
    const drops = await settle('the drop', async () =>
      nonEmpty((await here.house.published('rejoinder.sync.commands.v1', DropMailSchema)).filter((one) => one.mailId === late.mailId)),
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
    (await here.house.published('rejoinder.threading.internal.v1', ThreadMergedSchema)).find((event) => event.mergedThreadId === gone),
  );
  expect(merged.threadId).toBe(oldest);
  expect((await trackedMail(both.mailId)).threadId).toBe(oldest);
});

test('a thread that falls apart says so, tells again what was in it, and what becomes of threads later has a higher revision', async () => {
  const inboxId = newId();
  const root = await send(inboxId);
  const between = observed({
    fromHash: people.zoe,
    recipientHashes: [people.bob],
    baseSubjectHash: hash(),
    chainHashes: [root.messageIdHash],
  });
  const late = observed({ chainHashes: [root.messageIdHash, between.messageIdHash] });
  await observe(inboxId, [late]);
  const { threadId: whole } = await trackedMail(late.mailId);
  const ours = await send(inboxId, { chainHashes: [late.messageIdHash] });
  expect(await trackedMail(ours.mailId)).toMatchObject({ threadId: whole, revision: 1n });
  await observe(inboxId, [between]);
  const split = await settle('the split', async () =>
    (await here.house.published('rejoinder.threading.internal.v1', ThreadSplitSchema)).find((event) => event.fromThreadId === whole),
  );
  expect(split.threadId).not.toBe(whole);
  const again = await settle('the word of the mail that moved', async () =>
    (await tracked()).find((one) => one.mailId === ours.mailId && one.revision === 2n),
  );
  expect([again.threadId, again.because]).toEqual([split.threadId, 'sent']);
  await observe(inboxId, [observed({ chainHashes: [root.messageIdHash, ours.messageIdHash] })]);
  const merged = await settle('the merge', async () =>
    (await here.house.published('rejoinder.threading.internal.v1', ThreadMergedSchema)).find(
      (event) => event.mergedThreadId === split.threadId,
    ),
  );
  expect(merged.threadId).toBe(whole);
  expect([split.revision > 0n, merged.revision > split.revision]).toEqual([true, true]);
});

test('events that come twice change nothing', async () => {
  const inboxId = newId();
  const root = await send(inboxId);
  const reply = observed({ chainHashes: [root.messageIdHash] });
  await observe(inboxId, [reply]);
  await trackedMail(reply.mailId);
  await here.house.publish('rejoinder.sending.v1', SendAcceptedSchema, inboxId, root);
  await observe(inboxId, [reply]);
  const last = observed({ chainHashes: [reply.messageIdHash] });
  await observe(inboxId, [last]);
  await trackedMail(last.mailId);
  expect((await tracked()).filter((one) => [root.mailId, reply.mailId].includes(one.mailId))).toHaveLength(2);
  expect(await captures(reply.mailId)).toHaveLength(1);
});
