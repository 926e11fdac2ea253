// Mails are observed by their headers alone, new ones at once and old ones newest first, whatever stops in between.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MailKind } from '@rejoinder/contracts/mail';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail, replyTo } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { pause, settle } from '@rejoinder/testing/settle';
import { newId } from '@rejoinder/base/id';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { MailCapturedSchema, SentCopyObservedSchema } from '@rejoinder/contracts/events/sync';
import { formatSendMark } from '@rejoinder/mail/send-mark';
import { startRole } from '@rejoinder/runtime/role';
import { Vault } from '@rejoinder/vault/vault';
import { role } from '../src/role.js';
import { startTown, testDovecot } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

describe('new mail', { timeout: 120_000 }, () => {
  test('is told by hashes alone, and no part of it is fetched', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const mail = await buildMail({
      from: 'Bob <bob@outside.test>',
      to: town.address,
      subject: 'Offer for you',
      text: 'The body is nobody’s business.',
      headers: { 'X-Private-Note': 'Nor is a field that was not named.' },
    });
    const answer = await replyTo(mail, { from: town.address, to: 'bob@outside.test' });
    await dovecot.deliver(town.address, mail);
    await dovecot.deliver(town.address, answer);
    const observed = await settle('both mails', async () => {
      const mails = await town.observed();
      return mails.length === 2 && mails;
    });
    const [first, second] = observed;
    expect(first!.kind).toBe(MailKind.PERSON);
    expect(first!.folderRole).toBe('inbox');
    expect(Buffer.from(second!.chainHashes[0]!).equals(Buffer.from(first!.messageIdHash))).toBe(true);
    expect(Buffer.from(second!.baseSubjectHash).equals(Buffer.from(first!.baseSubjectHash))).toBe(true);
    expect(first!.fromHash).toHaveLength(16);
    expect(town.wire.bodies()).toEqual([]);
    for (const untold of ['nobody', 'X-Private-Note', 'not named']) expect(town.wire.carried(untold)).toBe(false);
    expect(town.wire.commands().filter((line) => /BODYSTRUCTURE|ENVELOPE/.test(line))).toEqual([]);
    const [row] = await town.house.query<{ sealed: Buffer; log: string }>(
      `select sealed, (select string_agg(encode(value, 'escape'), '') from bus.log) as log from sync.mail_header limit 1`,
    );
    expect(row!.sealed.toString('latin1')).not.toContain('Offer');
    expect(row!.log).not.toContain('outside');
  });
});

describe('the way from the server to the event', { timeout: 120_000 }, () => {
  test('has one FETCH and nothing else', async () => {
    await using town = await startTown({ dovecot, postgres, env: { REJOINDER_SYNC_FOLDER_POLL_SECONDS: '600' } });
    await town.startInbox();
    await town.live();
    const waits: number[] = [];
    for (let count = 1; count <= 20; count++) {
      await settle('IDLE', () => town.wire.commands().at(-1) === 'IDLE');
      town.wire.clear();
      await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address }));
      await settle('the mail', async () => (await town.observed()).length === count);
      await settle('IDLE again', () => town.wire.commands().at(-1) === 'IDLE');
      expect(town.wire.commands().map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(['DONE', 'UID FETCH', 'IDLE']);
      const exists = town.wire.log.find(({ from, text }) => from === 'server' && /EXISTS/.test(text))!.at;
      const [{ at }] = (await town.house.query<{ at: Date }>('select max(written_at) as at from sync.outbox')) as [{ at: Date }];
      waits.push(at.getTime() - exists.getTime());
    }
    const sorted = waits.toSorted((a, b) => a - b);
    process.stdout.write(`EXISTS to the event's row, ms: p50 ${sorted[10]}, worst ${sorted[19]}\n`);
  });
});

describe('a pod that has lost the partition', { timeout: 120_000 }, () => {
  test('changes nothing, and lets go', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    await town.house.query('update sync.owner set epoch = epoch + 1');
    await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address }));
    await settle('the session to be let go', () => town.wire.connections() === 0);
    expect(await town.observed()).toEqual([]);
    expect(await town.house.query('select 1 from sync.mail_header')).toEqual([]);
    expect(await town.house.query('select 1 from sync.location')).toEqual([]);
  });
});

describe('what was there before', { timeout: 120_000 }, () => {
  test('is told on the slow lane, newest first, and goes on where it was after a stop in the middle', async () => {
    const wholeMailbox = 60;
    await using town = await startTown({ dovecot, postgres, env: { REJOINDER_SYNC_HISTORY_BATCH: '10' } });
    {
      await using ada = await town.client();
      for (let at = 0; at < wholeMailbox; at++) {
        await ada.append(
          'INBOX',
          await buildMail({ from: 'bob@outside.test', to: town.address, messageId: `old${at}@outside.test` }),
          [],
          new Date(Date.UTC(2026, 10, 1, 0, at)),
        );
      }
    }
    await town.startInbox();
    await settle('the first batches', async () => (await town.observed('rejoinder.sync.history.v1')).length >= 10);
    await town.house.roles[0]!.stop();
    const before = await town.house.query<{ uid: string }>('select uid from sync.location order by uid');
    const running = await startRole(role, town.house.house, town.house.env);
    try {
      const all = await settle('all of it', async () => {
        const mails = await town.observed('rejoinder.sync.history.v1');
        return mails.length === wholeMailbox && mails;
      });
      expect(new Set(all.map(({ mailId }) => mailId)).size).toBe(wholeMailbox);
      expect(all.map(({ receivedAt }) => Number(receivedAt!.seconds))).toEqual(
        all.map(({ receivedAt }) => Number(receivedAt!.seconds)).toSorted((a, b) => blockOf(b) - blockOf(a) || a - b),
      );
      // What was taken before the stop were the newest.
      if (before.length < wholeMailbox) expect(Number(before[0]!.uid)).toBeGreaterThan(1);
      expect(await town.observed()).toEqual([]);
      await town.live();
      const folders = (await town.house.peers.client(SyncService).getProgress({ tenantId: town.house.tenantId, inboxId: town.inboxId }))
        .folders;
      expect(folders.find(({ role }) => role === 'inbox')).toMatchObject({ seen: 60n, total: 60n });
    } finally {
      await running.stop();
    }
  });

  test('is told as far back as is wanted', async () => {
    await using town = await startTown({ dovecot, postgres });
    {
      await using ada = await town.client();
      await ada.append(
        'INBOX',
        await buildMail({ from: 'bob@outside.test', to: town.address, subject: 'long ago' }),
        [],
        new Date(Date.now() - 90 * 86_400_000),
      );
      await ada.append(
        'INBOX',
        await buildMail({ from: 'bob@outside.test', to: town.address, subject: 'last week' }),
        [],
        new Date(Date.now() - 7 * 86_400_000),
      );
    }
    await town.startInbox(undefined, { historyDays: 30 });
    await town.live();
    expect(await settle('it', async () => (await town.observed('rejoinder.sync.history.v1')).length)).toBe(1);
  });

  test('is not told again as new when the server numbers its mails anew', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    for (let at = 0; at < 3; at++) await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address }));
    const first = await settle('three mails', async () => {
      const mails = await town.observed();
      return mails.length === 3 && mails;
    });
    // The session may write an index in that very moment.
    await settle('the loss of the indexes', () => dovecot.deleteIndexes(town.address).then(() => true));
    town.wire.cut();
    await settle(
      'the folder to be listed again',
      async () =>
        (await town.house.query<{ uids: string }>('select count(distinct (uid_validity, uid)) as uids from sync.location'))[0]!.uids ===
        '6',
    );
    await town.live();
    await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address }));
    const all = await settle('the new one', async () => {
      const mails = await town.observed();
      return mails.length > 3 && mails;
    });
    expect(all.slice(0, 3)).toEqual(first);
    expect(all).toHaveLength(4);
    expect(await town.observed('rejoinder.sync.history.v1')).toEqual([]);
    const [{ headers }] = (await town.house.query<{ headers: string }>('select count(*) as headers from sync.mail_header')) as [
      { headers: string },
    ];
    expect(Number(headers)).toBe(4);
    // A mail that is tracked only now is read at its new place.
    await town.capture(first[0]!.mailId);
    await settle('its text', async () => (await town.house.published('rejoinder.sync.v1', MailCapturedSchema)).length);
  });
});

describe('what a stranger can do', { timeout: 120_000 }, () => {
  test('a forged or copied mark makes no send of a mail, in its header or as its Message-ID', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const vault = new Vault('sending', town.house.house.keyringPool, town.house.house.keyEncryption, town.clock);
    const hasher = await vault.hasher(town.house.tenantId);
    const foreign = await vault.hasher(newId());
    const ours = { sendId: newId(), mailId: newId() };
    const other = { sendId: newId(), mailId: newId() };
    const markOf = ({ sendId, mailId }: typeof ours, by = hasher, of = `${sendId}/${mailId}`) =>
      formatSendMark({ sendId, mailId }, () => by.hash('send', of).toString('base64url'));
    const header = (mark: string) => ({ headers: { 'X-Rejoinder-Send': mark } });
    const asId = (mark: string) => ({ messageId: `<${mark}@example.test>` });
    const cases: [string, object, typeof ours | undefined][] = [
      ['bob@outside.test', header(markOf(ours)), undefined],
      ['bob@outside.test', asId(markOf(ours)), undefined],
      [town.address, header(markOf(ours, hasher, 'guessed')), undefined],
      [town.address, asId(markOf(ours, hasher, 'guessed')), undefined],
      [town.address, asId(markOf(ours, foreign)), undefined],
      [town.address, header(markOf(ours)), ours],
      // A provider has taken the header away.
      [town.address, asId(markOf(ours)), ours],
      [town.address, { ...header('v1.not.a.mark'), ...asId(markOf(ours)) }, ours],
      // Of the mark of one send and the id of another the header tells: an id may be a provider's, or that of the mail this one was written on top of.
      [town.address, { ...header(markOf(ours)), ...asId(markOf(other)) }, ours],
    ];
    for (const [from, more] of cases) await dovecot.deliver(town.address, await buildMail({ from, to: town.address, ...more }));
    const mails = await settle('all of them', async () => {
      const all = await town.observed();
      return all.length === cases.length && all;
    });
    const known = cases.map(([, , mark]) => mark);
    expect(mails.map((mail) => mail.sendId)).toEqual(known.map((mark) => mark?.sendId ?? ''));
    expect(mails.map((mail) => [ours.mailId, other.mailId].includes(mail.mailId))).toEqual(known.map((mark) => mark !== undefined));
    expect(await town.house.published('rejoinder.sync.internal.v1', SentCopyObservedSchema)).toMatchObject(
      known.flatMap((mark) => (mark ? [{ ...mark, inSentFolder: false }] : [])),
    );
  });
});

describe('what a person marks', { timeout: 120_000 }, () => {
  test('by the keyword or by the folder is told as to be logged, whichever folder is open at that moment', async () => {
    await using town = await startTown({ dovecot, postgres });
    await using ada = await town.client();
    await ada.createFolder('Log this');
    await town.startInbox(undefined, { logFolder: 'Log this' });
    await town.live();
    // A keyword that is set while the session looks at the other folder is not told by IDLE: each round is a chance for that.
    const rounds = 6;
    for (let n = 0; n < 2 * rounds; n++)
      await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address }));
    const fresh = await settle('all', async () => {
      const all = await town.observed();
      return all.length === 2 * rounds && all;
    });
    expect(fresh.some(({ logged }) => logged)).toBe(false);
    const mails = await ada.mails();
    const marked = new Set<string>();
    for (let round = 0; round < rounds; round++) {
      await ada.move(mails[2 * round]!.uid, 'INBOX', 'Log this');
      await pause(150 * round);
      await ada.flag(mails[2 * round + 1]!.uid, ['$RejoinderLog']);
      await settle(`both of round ${round} logged`, async () => {
        for (const { mailId, logged } of await town.observed()) if (logged) marked.add(mailId);
        return marked.size === 2 * (round + 1);
      });
    }
    expect(marked).toEqual(new Set(fresh.map(({ mailId }) => mailId)));
  });
});

/** Batches of ten, newest first; within a batch the order does not matter. */
const blockOf = (seconds: number) => Math.floor((seconds - Date.UTC(2026, 10, 1) / 1_000) / 600);
