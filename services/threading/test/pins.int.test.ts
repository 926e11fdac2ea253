// What people say of single mails, through threading with its bus, gRPC and PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { DropMailSchema } from '@rejoinder/contracts/commands';
import { MailUntrackedSchema } from '@rejoinder/contracts/events/threading';
import {
  captures,
  closeHouse,
  hash,
  here,
  observe,
  observed,
  openHouse,
  people,
  send,
  stored,
  trackedMail,
  verdictOf,
} from './threading-house.js';

beforeAll(openHouse);
afterAll(closeHouse);

const api = () => here.house.peers.client(ThreadingService);
const tenantId = () => here.house.tenantId;
const explain = (mailId: string) => api().explain({ tenantId: tenantId(), mailId });
const split = async (mailId: string) => (await api().split({ tenantId: tenantId(), mailId, by: 'tester' })).pin!;
const merge = async (mailId: string, intoMailId: string) =>
  (await api().merge({ tenantId: tenantId(), mailId, intoMailId, by: 'tester' })).pin!;
const unlog = async (mailId: string) => (await api().unlog({ tenantId: tenantId(), mailId, by: 'tester' })).pin!;
const unpin = (pinId: string) => api().unpin({ tenantId: tenantId(), pinId });
const pinsOf = async (of: { mailId?: string; threadId?: string }) => (await api().listPins({ tenantId: tenantId(), ...of })).pins;

/** A send and the answer to it, with what answers that. */
async function conversation() {
  const inboxId = newId();
  const root = await send(inboxId);
  await trackedMail(root.mailId);
  const reply = observed({ chainHashes: [root.messageIdHash] });
  const again = observed({ chainHashes: [root.messageIdHash, reply.messageIdHash] });
  await observe(inboxId, [reply, again]);
  await Promise.all([trackedMail(reply.mailId), trackedMail(again.mailId)]);
  return { inboxId, root, reply, again };
}

describe('a mail that does not belong', () => {
  test('goes with its answers, is dropped where it lay, and comes back when that is taken back', async () => {
    const { inboxId, root, reply, again } = await conversation();
    const before = await explain(reply.mailId);
    expect(before).toMatchObject({
      verdict: 'tracked',
      because: 'answers',
      rule: 'answers',
      answersMailId: root.mailId,
      revision: 1n,
      pins: [],
    });
    expect(before.evidence).toMatchObject([{ mailId: root.mailId, tracked: true, mails: 1, ended: 'tracked' }]);
    const pin = await split(reply.mailId);
    expect(pin).toMatchObject({ kind: 'split', mailId: reply.mailId, intoMailId: '', by: 'tester' });
    const [mine, answer, ours] = await Promise.all([explain(reply.mailId), explain(again.mailId), explain(root.mailId)]);
    expect(mine).toMatchObject({ verdict: 'untracked', because: 'split', rule: 'split', revision: 2n });
    expect(answer).toMatchObject({ verdict: 'untracked', because: 'cut', rule: 'behind_cut', threadId: mine.threadId });
    expect(answer.evidence.map(({ ended }) => ended)).toEqual(['split', '']);
    expect(ours).toMatchObject({ verdict: 'tracked', threadId: before.threadId });
    expect(mine.threadId).not.toBe(before.threadId);
    // From the thread that it left one can see that it did.
    for (const pins of [
      mine.pins,
      answer.pins,
      ours.pins,
      await pinsOf({ threadId: before.threadId }),
      await pinsOf({ mailId: reply.mailId }),
    ]) {
      expect(pins.map(({ pinId }) => pinId)).toEqual([pin.pinId]);
    }
    const untracked = await here.house.published('rejoinder.threading.v1', MailUntrackedSchema);
    expect(untracked.filter(({ mailId }) => mailId === reply.mailId)).toMatchObject([{ revision: 2n, because: 'split' }]);
    const drops = (await here.house.published('rejoinder.sync.commands.v1', DropMailSchema)).filter(
      ({ mailId }) => mailId === reply.mailId,
    );
    expect(drops).toMatchObject([{ inboxId, revision: 2n }]);
    expect((await split(reply.mailId)).pinId).toBe(pin.pinId);
    expect((await explain(reply.mailId)).revision).toBe(2n);
    await unpin(pin.pinId);
    await unpin(pin.pinId);
    expect(await explain(reply.mailId)).toMatchObject({
      verdict: 'tracked',
      rule: 'answers',
      threadId: before.threadId,
      revision: 3n,
      pins: [],
    });
    expect((await captures(reply.mailId)).map(({ revision }) => revision)).toEqual([1n, 3n]);
    expect(await verdictOf(again.mailId)).toBe('tracked');
  });

  test('stays away when it comes again, and holds back who answers it, also after its headers are gone', async () => {
    const { inboxId, root, reply, again } = await conversation();
    const pin = await split(reply.mailId);
    for (const { mailId } of [reply, again]) {
      for (const table of ['bearer', 'citation', 'node'])
        await here.house.query(`delete from threading.${table} where mail_id = $1`, [mailId]);
    }
    const late = observed({ chainHashes: [root.messageIdHash, reply.messageIdHash] });
    await observe(inboxId, [late]);
    await stored(late.mailId);
    const told = await explain(late.mailId);
    expect(told).toMatchObject({ verdict: 'untracked', rule: 'behind_cut', pins: [{ pinId: pin.pinId }] });
    expect(told.evidence).toMatchObject([
      { mailId: '', tracked: false, ended: 'split' },
      { mailId: root.mailId, tracked: true, ended: '' },
    ]);
    await expect(explain(reply.mailId)).rejects.toMatchObject({ kind: 'not_found', code: 'MAIL_NOT_FOUND' });
    expect((await split(reply.mailId)).pinId).toBe(pin.pinId);
    await observe(inboxId, [reply]);
    await stored(reply.mailId);
    expect(await explain(reply.mailId)).toMatchObject({ verdict: 'untracked', rule: 'split' });
    await unpin(pin.pinId);
    expect(await verdictOf(late.mailId)).toBe('tracked');
    expect(await verdictOf(reply.mailId)).toBe('tracked');
  });
});

describe('a mail that belongs with another', () => {
  test('is tracked and captured for that, and shown in its thread; taken back, both are as before', async () => {
    const { inboxId, root } = await conversation();
    const stranger = observed({ fromHash: people.zoe, baseSubjectHash: hash() });
    await observe(inboxId, [stranger]);
    await stored(stranger.mailId);
    const before = await explain(stranger.mailId);
    expect(before).toMatchObject({
      verdict: 'untracked',
      because: 'untracked',
      rule: 'no_chain',
      revision: 0n,
      evidence: [],
      answersMailId: '',
    });
    const pin = await merge(stranger.mailId, root.mailId);
    expect((await merge(stranger.mailId, root.mailId)).pinId).toBe(pin.pinId);
    const { threadId } = await explain(root.mailId);
    expect(await explain(stranger.mailId)).toMatchObject({
      verdict: 'tracked',
      because: 'pinned',
      rule: 'pinned',
      answersMailId: root.mailId,
      threadId,
    });
    expect(await trackedMail(stranger.mailId)).toMatchObject({ because: 'pinned', threadId, answersMailId: root.mailId });
    expect(await captures(stranger.mailId)).toMatchObject([{ onlyIfQuoting: false, revision: 1n }]);
    // Whoever asks by its old name is told of the thread as it is now.
    const thread = await api().getThread({ tenantId: tenantId(), threadId: before.threadId });
    expect([thread.threadId, thread.mails.length, thread.mails.at(-1)!.mailId]).toEqual([threadId, 4, stranger.mailId]);
    await unpin(pin.pinId);
    const after = await explain(stranger.mailId);
    expect(after).toMatchObject({ verdict: 'untracked', rule: 'no_chain' });
    expect(after.threadId).not.toBe(threadId);
  });

  test('has one such word alone: the newest; and a split takes it back', async () => {
    const [one, other] = [await conversation(), await conversation()];
    const stranger = observed();
    await observe(one.inboxId, [stranger]);
    await stored(stranger.mailId);
    await merge(stranger.mailId, one.root.mailId);
    const second = await merge(stranger.mailId, other.root.mailId);
    expect((await pinsOf({ mailId: stranger.mailId })).map(({ pinId }) => pinId)).toEqual([second.pinId]);
    const [mine, first, now] = await Promise.all([stranger, one.root, other.root].map(({ mailId }) => explain(mailId)));
    expect([mine!.threadId, first!.threadId === now!.threadId]).toEqual([now!.threadId, false]);
    await split(stranger.mailId);
    expect((await pinsOf({ mailId: stranger.mailId })).map(({ kind }) => kind)).toEqual(['split']);
    expect((await explain(stranger.mailId)).threadId).not.toBe(now!.threadId);
  });

  test('cannot be put with itself, with a mail of nobody, or with one of another tenant', async () => {
    const { root, reply } = await conversation();
    await expect(merge(reply.mailId, reply.mailId)).rejects.toMatchObject({ code: 'MERGE_WITH_ITSELF' });
    await expect(merge(reply.mailId, newId())).rejects.toMatchObject({ code: 'MAIL_NOT_FOUND' });
    const foreign = newId();
    const asked = { tenantId: foreign, mailId: reply.mailId, by: 'tester' };
    const refused = { code: 'MAIL_NOT_FOUND' };
    await expect(api().explain(asked)).rejects.toMatchObject(refused);
    await expect(api().split(asked)).rejects.toMatchObject(refused);
    await expect(api().merge({ ...asked, intoMailId: root.mailId })).rejects.toMatchObject(refused);
    const { threadId } = await explain(reply.mailId);
    await expect(api().getThread({ tenantId: foreign, threadId })).rejects.toMatchObject({ code: 'THREAD_NOT_FOUND' });
    const pin = await split(reply.mailId);
    await api().unpin({ tenantId: foreign, pinId: pin.pinId });
    expect((await api().listPins({ tenantId: foreign })).pins).toEqual([]);
    expect((await pinsOf({ mailId: reply.mailId })).map(({ pinId }) => pinId)).toEqual([pin.pinId]);
  });
});

describe('a mail that was not meant to be logged', () => {
  /** One that somebody logged, and the answer to it. */
  async function logged() {
    const inboxId = newId();
    const mail = observed({ logged: true });
    const reply = observed({ chainHashes: [mail.messageIdHash] });
    await observe(inboxId, [mail, reply]);
    await Promise.all([trackedMail(mail.mailId), trackedMail(reply.mailId)]);
    return { inboxId, mail, reply };
  }

  test('goes with its answers, stays away when it is logged again, and comes back when that is taken back', async () => {
    const { inboxId, mail, reply } = await logged();
    const pin = await unlog(mail.mailId);
    expect(pin).toMatchObject({ kind: 'unlog', mailId: mail.mailId, intoMailId: '', by: 'tester' });
    expect((await unlog(mail.mailId)).pinId).toBe(pin.pinId);
    expect(await explain(mail.mailId)).toMatchObject({ verdict: 'untracked', because: 'unlogged', rule: 'unlogged', revision: 2n });
    expect(await explain(reply.mailId)).toMatchObject({ verdict: 'untracked', rule: 'no_tracked_ancestor' });
    const untracked = await here.house.published('rejoinder.threading.v1', MailUntrackedSchema);
    expect(untracked.filter(({ mailId }) => mailId === mail.mailId)).toMatchObject([{ revision: 2n, because: 'unlogged' }]);
    const drops = await here.house.published('rejoinder.sync.commands.v1', DropMailSchema);
    expect(drops.filter(({ mailId }) => mailId === mail.mailId)).toMatchObject([{ inboxId, revision: 2n }]);
    expect((await pinsOf({ mailId: mail.mailId })).map(({ pinId }) => pinId)).toEqual([pin.pinId]);
    expect(await api().getTracked({ tenantId: tenantId(), trackedId: mail.mailId })).toMatchObject({
      state: 'refused',
      reason: 'unlogged',
    });
    // Its keyword, seen in another inbox, says again what was taken back.
    const later = observed({ chainHashes: [mail.messageIdHash] });
    await observe(newId(), [mail, later]);
    expect(await stored(later.mailId)).toBe('untracked');
    expect(await verdictOf(mail.mailId)).toBe('untracked');
    await unpin(pin.pinId);
    expect(await explain(mail.mailId)).toMatchObject({ verdict: 'tracked', because: 'logged', rule: 'root', revision: 3n, pins: [] });
    expect(await verdictOf(reply.mailId)).toBe('tracked');
    expect(await api().getTracked({ tenantId: tenantId(), trackedId: mail.mailId })).toMatchObject({ state: 'tracked', reason: '' });
  });

  test('is let go of at once when it comes again after its headers are gone', async () => {
    const { inboxId, mail } = await logged();
    await unlog(mail.mailId);
    for (const table of ['bearer', 'citation', 'node'])
      await here.house.query(`delete from threading.${table} where mail_id = $1`, [mail.mailId]);
    await observe(inboxId, [mail]);
    await stored(mail.mailId);
    expect(await explain(mail.mailId)).toMatchObject({ verdict: 'untracked', rule: 'unlogged', revision: 1n });
    const drops = await here.house.published('rejoinder.sync.commands.v1', DropMailSchema);
    expect(drops.filter(({ mailId }) => mailId === mail.mailId).map(({ revision }) => revision)).toEqual([2n, 1n]);
  });

  test('stays for the tracked mail that it answers', async () => {
    const { inboxId, root } = await conversation();
    const mail = observed({ chainHashes: [root.messageIdHash], logged: true });
    await observe(inboxId, [mail]);
    expect((await trackedMail(mail.mailId)).because).toBe('logged');
    await unlog(mail.mailId);
    expect(await explain(mail.mailId)).toMatchObject({
      verdict: 'tracked',
      because: 'answers',
      rule: 'answers',
      pins: [{ kind: 'unlog' }],
    });
  });

  test('is one that somebody logged: not one that was sent from here, that is there by the rules, or of another tenant', async () => {
    const { root, reply } = await conversation();
    await expect(unlog(root.mailId)).rejects.toMatchObject({ kind: 'conflict', code: 'SENT_FROM_HERE' });
    await expect(unlog(reply.mailId)).rejects.toMatchObject({ kind: 'conflict', code: 'NOT_LOGGED_BY_HAND' });
    const { mail } = await logged();
    await expect(api().unlog({ tenantId: newId(), mailId: mail.mailId, by: 'tester' })).rejects.toMatchObject({ code: 'MAIL_NOT_FOUND' });
  });
});

test('pages of a thread and of pins hold all, once', async () => {
  const { inboxId, root, reply, again } = await conversation();
  const { threadId } = await explain(root.mailId);
  const page = async (pageToken: string) => api().getThread({ tenantId: tenantId(), threadId, pageSize: 2, pageToken });
  const first = await page('');
  const second = await page(first.nextPageToken);
  expect([first, second].flatMap(({ mails }) => mails.map(({ mailId }) => mailId)).sort()).toEqual(
    [root, reply, again].map(({ mailId }) => mailId).sort(),
  );
  expect([first.mails.length, second.nextPageToken]).toEqual([2, '']);
  await expect(page('x')).rejects.toMatchObject({ code: 'PAGE_TOKEN' });
  await expect(page(newId())).rejects.toMatchObject({ code: 'PAGE_TOKEN' });
  const strangers = Array.from({ length: 101 }, () => observed());
  await observe(inboxId, strangers);
  for (const { mailId } of strangers) await stored(mailId);
  for (const { mailId } of strangers.slice(0, 100)) await merge(mailId, root.mailId);
  await expect(split(reply.mailId)).rejects.toMatchObject({ kind: 'conflict', code: 'TOO_MANY_PINS' });
  const pins = async (pageToken: string) => api().listPins({ tenantId: tenantId(), threadId, pageSize: 60, pageToken });
  const [newer, older] = [await pins(''), await pins((await pins('')).nextPageToken)];
  expect([newer.pins.length, older.pins.length, older.nextPageToken]).toEqual([60, 40, '']);
  expect(newer.pins[0]!.mailId).toBe(strangers[99]!.mailId);
  expect(new Set([...newer.pins, ...older.pins].map(({ pinId }) => pinId)).size).toBe(100);
});
