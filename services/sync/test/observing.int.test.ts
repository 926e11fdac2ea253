// Mails are observed by their headers alone, new ones at once and old ones newest first, whatever stops in between.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MailKind } from '@rejoinder/contracts/mail';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail, replyTo } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { startTown } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(), startPostgres()]);
});
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

describe('new mail', () => {
  test('is told by hashes alone, and no part of it is fetched', async () => {
    await using town = await startTown({ dovecot, postgres });
    await town.startInbox();
    await town.live();
    const mail = await buildMail({
      from: 'Bob <bob@outside.test>',
      to: town.address,
      subject: 'Offer for you',
      text: 'The body is nobody’s business.',
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
    expect(first!.fromHash).toHaveLength(32);
    expect(town.wire.bodies()).toEqual([]);
    expect(town.wire.carried('nobody')).toBe(false);
    expect(town.wire.commands().filter((line) => /BODYSTRUCTURE|ENVELOPE/.test(line))).toEqual([]);
    const [row] = await town.house.query<{ sealed: Buffer; log: string }>(
      `select sealed, (select string_agg(encode(value, 'escape'), '') from bus.log) as log from sync.mail_header limit 1`,
    );
    expect(row!.sealed.toString('latin1')).not.toContain('Offer');
    expect(row!.log).not.toContain('outside');
  });
});
