// Delivery reports whose own headers name nothing of ours: what of them is read before the gate has opened, and what that tells.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MailKind } from '@rejoinder/contracts/mail';
import { buildBounce } from '@rejoinder/testing/bounce';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { maxReports } from '../src/inbox/report-originals.js';
import { startTown, testDovecot, type Town } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

const observed = (town: Town, count: number, topic?: 'rejoinder.sync.history.v1') =>
  settle('the mails', async () => {
    const mails = await town.observed(topic);
    return mails.length === count && mails;
  });
const hex = (hash: Uint8Array) => Buffer.from(hash).toString('hex');
/** What came of mails beside their header fields, as the wire has it: what is returned within a mail counts as its body. */
const read = (town: Town) => town.wire.bodies().map(({ uid, name }) => `${uid} ${name}`);
/** What was asked of mails beside their header fields. */
const asked = (town: Town) =>
  town.wire
    .commands()
    .filter((line) => line.startsWith('UID FETCH'))
    .map((line) => line.replace(/BODY\.PEEK\[HEADER\.FIELDS \([^)]*\)\]/, 'FIELDS'))
    .filter((line) => /BODY/.test(line));

test('of a report its structure and the header that came back are asked for, of no other mail, and nothing of it is kept', async () => {
  await using town = await startTown({ dovecot, postgres });
  await town.startInbox();
  await town.live();
  const mail = await buildMail({ from: town.address, to: 'bob@outside.test', subject: 'A secret', text: 'Words that came back.' });
  await dovecot.deliver(town.address, mail);
  await observed(town, 1);
  town.wire.clear();
  await dovecot.deliver(town.address, buildBounce({ to: town.address, recipient: 'bob@outside.test', returned: mail }));
  await dovecot.deliver(town.address, await buildMail({ from: 'bob@outside.test', to: town.address, text: 'Words of a person.' }));
  const [first, report, last] = await observed(town, 3);
  expect([report!.kind, report!.chainHashes.map(hex), last!.chainHashes]).toEqual([
    MailKind.DELIVERY_REPORT,
    [hex(first!.messageIdHash)],
    [],
  ]);
  expect(asked(town)).toEqual([
    expect.stringMatching(/^UID FETCH 2 \(.*BODYSTRUCTURE.*\)$/),
    expect.stringMatching(/^UID FETCH 2 \(UID MODSEQ BODY\.PEEK\[3\.HEADER\]<0\.64000>\)$/),
  ]);
  expect(read(town)).toEqual(['2 BODY[3.HEADER]<0>']);
  for (const words of ['Words that came back.', 'Words of a person.', 'sorry', 'User unknown'])
    expect(town.wire.carried(words)).toBe(false);
  expect(await town.house.query('select 1 from sync.capture union all select 1 from sync.raw_body')).toEqual([]);
}, 120_000);

test('where no header came back the start of its text is read, and of the rest nothing', async () => {
  await using town = await startTown({ dovecot, postgres });
  await town.startInbox();
  await town.live();
  const text = ['Sorry.', '', 'Message-ID: <gone@house.test>', '', ...Array.from({ length: 400 }, () => 'x'.repeat(70)), 'The end of it.'];
  await dovecot.deliver(
    town.address,
    await buildMail({ from: 'MAILER-DAEMON@mx.test', to: town.address, subject: 'failure notice', text: text.join('\r\n') }),
  );
  const [report] = await observed(town, 1);
  expect(report!.chainHashes).toHaveLength(1);
  expect(town.wire.bodies()).toMatchObject([{ name: expect.stringMatching(/^BODY\[1\]<0>/), sizeBytes: 8_000 }]);
  expect(town.wire.carried('The end of it.')).toBe(false);
}, 120_000);

test('of old reports the newest of a batch are looked into; all of them are told', async () => {
  await using town = await startTown({ dovecot, postgres });
  const all = maxReports + 5;
  {
    await using ada = await town.client();
    for (let at = 0; at < all; at++) {
      const returned = `Message-ID: <old${at}@house.test>\r\nSubject: x\r\n\r\nbody\r\n`;
      await ada.append('INBOX', buildBounce({ to: town.address, recipient: 'bob@outside.test', returned }));
    }
  }
  await town.startInbox();
  const reports = await observed(town, all, 'rejoinder.sync.history.v1');
  expect(reports.map(({ chainHashes }) => chainHashes.length)).toEqual(reports.map((_, at) => (at < all - maxReports ? 0 : 1)));
  expect(read(town)).toEqual(Array.from({ length: maxReports }, (_, at) => `${all - maxReports + at + 1} BODY[3.HEADER]<0>`));
}, 120_000);
