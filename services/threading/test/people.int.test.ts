// Whose mail is never logged, and whose always: the never-log list and the contacts of inboxes that capture all of their mail.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { newId } from '@rejoinder/base/id';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { DropMailSchema } from '@rejoinder/contracts/commands';
import { InboxConnectedSchema, NeverLogChangedSchema, SettingsChangedSchema } from '@rejoinder/contracts/events/connections';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { MailUntrackedSchema } from '@rejoinder/contracts/events/threading';
import { ContactChangedSchema, ContactMergedSchema } from '@rejoinder/contracts/events/timeline';
import { MailKind } from '@rejoinder/contracts/mail';
import { settle } from '@rejoinder/testing/settle';
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
  tracked,
  trackedMail,
  verdictOf,
} from './threading-house.js';

beforeAll(openHouse);
afterAll(closeHouse);

const dayMs = 86_400_000;
const daysAgo = (days: number) => timestampFromDate(new Date(Date.now() - days * dayMs));
let revision = 0n;

/** The whole list as it is to stand, taken before this answers. */
async function neverLog(entries: Uint8Array[], since = new Date(), tenantId = here.house.tenantId): Promise<void> {
  revision++;
  const message = { entries: entries.map((entryHash) => ({ entryHash, since: timestampFromDate(since) })) };
  await here.house.publish('rejoinder.connections.internal.v1', NeverLogChangedSchema, tenantId, message, revision, tenantId);
  await settle('the list to be taken and all to be judged again', async () => {
    const [row] = await here.house.query<{ done: boolean }>(
      `select never_log_revision = $2 and due_at is null and not exists (select from threading.recheck r where r.tenant_id = g.tenant_id) as done
        from threading.tenant_graph g where tenant_id = $1`,
      [tenantId, revision],
    );
    return row?.done;
  });
}

async function contact(address: string): Promise<Buffer> {
  const known = async () =>
    (await here.house.query<{ hash: Buffer }>('select address_hash as hash from threading.contact_address')).map((row) => row.hash);
  const before = await known();
  await here.house.publish('rejoinder.timeline.v1', ContactChangedSchema, newId(), { contactId: newId(), address });
  return settle('the contact', async () => (await known()).find((one) => !before.some((old) => old.equals(one))));
}

/** Every event that was said before this answers was taken. */
async function taken(): Promise<void> {
  const sql = `select 1 from bus.position p join bus.log_end e using (topic, partition) where p."group" like '%threading%' and p.next_offset < e.next_offset`;
  await settle('all events to be taken', async () => (await here.house.query(sql)).length === 0);
}

async function capture(inboxId: string, since: ReturnType<typeof daysAgo> | undefined): Promise<void> {
  revision++;
  const settings = { capture: since ? 'all' : 'tracked', captureSince: since };
  await here.house.publish('rejoinder.connections.v1', SettingsChangedSchema, inboxId, { inboxId, settings }, revision);
  await settle('the settings', async () => {
    const sql = 'select 1 from threading.own_address where inbox_id = $1 and settings_revision = $2';
    return (await here.house.query(sql, [inboxId, revision])).length > 0;
  });
}

async function inboxOf(address: string): Promise<string> {
  const inboxId = newId();
  await here.house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address }, 0n);
  await settle(
    'the inbox',
    async () => (await here.house.query('select 1 from threading.own_address where inbox_id = $1', [inboxId])).length > 0,
  );
  return inboxId;
}

const captured = (inboxId: string, mailId: string, of: bigint) =>
  here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId, revision: of });
const untracked = async (mailId: string) =>
  (await here.house.published('rejoinder.threading.v1', MailUntrackedSchema)).find((one) => one.mailId === mailId);
const dropped = async (mailId: string) =>
  (await here.house.published('rejoinder.sync.commands.v1', DropMailSchema)).filter((one) => one.mailId === mailId).length;
const letGo = (mailId: string) => settle('the mail to be let go', () => untracked(mailId));
/** All that was observed before this answers was judged. */
async function untilJudged(inboxId: string, tenantId = here.house.tenantId): Promise<void> {
  const last = observed();
  await observe(inboxId, [last], tenantId);
  await settle('the last mail', () => verdictOf(last.mailId));
}

describe('a mail from or to somebody on the never-log list', () => {
  it('is not tracked though it answers a tracked mail; what answers both is', async () => {
    const inboxId = newId();
    const doctor = hash();
    await neverLog([doctor]);
    const ours = await send(inboxId, { recipientHashes: [doctor, people.ann] });
    await trackedMail(ours.mailId);
    const answer = observed({ fromHash: doctor, chainHashes: [ours.messageIdHash] });
    const copied = observed({ recipientHashes: [people.own, doctor], chainHashes: [ours.messageIdHash] });
    const free = observed({ chainHashes: [ours.messageIdHash, answer.messageIdHash] });
    const behind = observed({ chainHashes: [answer.messageIdHash], fromHash: people.zoe });
    await observe(inboxId, [answer, copied, behind, free]);
    await trackedMail(free.mailId);
    expect(await Promise.all([answer, copied, behind].map(({ mailId }) => verdictOf(mailId)))).toEqual(Array(3).fill('untracked'));
    expect(await captures(answer.mailId)).toEqual([]);
  });

  it('is known by the domain of everybody on it', async () => {
    const inboxId = newId();
    const domain = hash();
    await neverLog([domain]);
    const ours = await send(inboxId);
    const answer = observed({ domainHashes: [hash(), domain], chainHashes: [ours.messageIdHash] });
    await observe(inboxId, [answer]);
    await untilJudged(inboxId);
    expect(await verdictOf(answer.mailId)).toBe('untracked');
  });

  it('is no root either: neither by the log folder nor by its Message-ID', async () => {
    const inboxId = newId();
    const lawyer = hash();
    await neverLog([lawyer]);
    const logged = observed({ fromHash: lawyer, logged: true });
    await observe(inboxId, [logged]);
    await untilJudged(inboxId);
    expect(await verdictOf(logged.mailId)).toBe('untracked');
    const { tenantId } = here.house;
    const client = here.house.peers.client(ThreadingService);
    expect(await client.getTracked({ tenantId, trackedId: logged.mailId })).toMatchObject({ state: 'refused', reason: 'never_logged' });
    // Its bytes may be kept, where it came by the logging address.
    await settle('what is kept of it to be let go', async () => (await dropped(logged.mailId)) === 1);
    expect(await untracked(logged.mailId)).toBeUndefined();
    const { trackedId } = await client.track({ tenantId, messageId: '<seen-later@example.com>' });
    const [row] = await here.house.query<{ hash: Buffer }>(
      'select message_id_hash as hash from threading.tracked_id where tracked_id = $1',
      [trackedId],
    );
    const later = observed({ fromHash: lawyer, messageIdHash: row!.hash });
    await observe(inboxId, [later]);
    await untilJudged(inboxId);
    expect(await client.getTracked({ tenantId, trackedId })).toMatchObject({ state: 'refused', reason: 'never_logged' });
    // Asked again, it says the same at once.
    expect(await client.track({ tenantId, messageId: '<seen-later@example.com>' })).toMatchObject({
      trackedId,
      mailId: later.mailId,
      state: 'refused',
      reason: 'never_logged',
    });
    expect(await captures(later.mailId)).toEqual([]);
  });

  it('stays where it was captured before, and is let go where it was still to be read', async () => {
    const inboxId = newId();
    const bank = hash();
    const ours = await send(inboxId);
    const [read, waiting] = [
      observed({ fromHash: bank, chainHashes: [ours.messageIdHash], recipientHashes: [people.ann] }),
      observed({ recipientHashes: [people.ann, bank], chainHashes: [ours.messageIdHash] }),
    ];
    await observe(inboxId, [read, waiting]);
    await captured(inboxId, read.mailId, (await trackedMail(read.mailId)).revision);
    await trackedMail(waiting.mailId);
    await settle(
      'what was read to be known',
      async () =>
        (await here.house.query(`select 1 from threading.node where mail_id = $1 and capture = 'captured'`, [read.mailId])).length > 0,
    );
    await neverLog([bank]);
    expect(await letGo(waiting.mailId)).toMatchObject({ because: 'never_logged' });
    await settle('the command', async () => (await dropped(waiting.mailId)) === 1);
    expect(await dropped(read.mailId)).toBe(0);
    expect(await verdictOf(read.mailId)).toBe('tracked');
  });

  it('is let go where it was observed after the entry was stored, though the list came later than the mail', async () => {
    const inboxId = newId();
    const shop = hash();
    const storedAt = new Date(Date.now() - 1_000);
    const ours = await send(inboxId);
    const answer = observed({ fromHash: shop, chainHashes: [ours.messageIdHash], recipientHashes: [people.ann] });
    await observe(inboxId, [answer]);
    await captured(inboxId, answer.mailId, (await trackedMail(answer.mailId)).revision);
    await settle(
      'what was read to be known',
      async () =>
        (await here.house.query(`select 1 from threading.node where mail_id = $1 and capture = 'captured'`, [answer.mailId])).length > 0,
    );
    await neverLog([shop], storedAt);
    expect(await letGo(answer.mailId)).toMatchObject({ because: 'never_logged' });
    await settle('the command', async () => (await dropped(answer.mailId)) === 1);
  });

  it('is logged again once the entry is taken back, and an old list changes nothing', async () => {
    const inboxId = newId();
    const friend = hash();
    await neverLog([friend]);
    const old = revision;
    const ours = await send(inboxId);
    const answer = observed({ fromHash: friend, chainHashes: [ours.messageIdHash], recipientHashes: [people.ann] });
    await observe(inboxId, [answer]);
    await untilJudged(inboxId);
    await neverLog([]);
    await trackedMail(answer.mailId);
    const message = { entries: [{ entryHash: friend, since: daysAgo(1) }] };
    await here.house.publish('rejoinder.connections.internal.v1', NeverLogChangedSchema, here.house.tenantId, message, old);
    await neverLog([hash()]);
    expect(await verdictOf(answer.mailId)).toBe('tracked');
  });

  it('is another tenant’s own business', async () => {
    const [inboxId, tenantId] = [newId(), newId()];
    const shared = hash();
    await neverLog([]);
    await neverLog([shared], new Date(), tenantId);
    const ours = await send(inboxId);
    const answer = observed({ fromHash: shared, recipientHashes: [people.ann], chainHashes: [ours.messageIdHash] });
    await observe(inboxId, [answer]);
    await trackedMail(answer.mailId);
  });

  it('is counted without being stopped, as long as nothing is decided', async () => {
    const inboxId = newId();
    const [one, two, domain] = [hash(), hash(), hash()];
    const ours = await send(inboxId, { recipientHashes: [one] });
    const answer = observed({ fromHash: one, recipientHashes: [two], domainHashes: [domain], chainHashes: [ours.messageIdHash] });
    await observe(inboxId, [answer, observed({ fromHash: one }), observed({ domainHashes: [domain] })]);
    await untilJudged(inboxId);
    const count = async (hashes: Uint8Array[][], tenantId = here.house.tenantId) =>
      (await here.house.peers.client(ThreadingService).countMails({ tenantId, people: hashes.map((of) => ({ hashes: of })) })).counts.map(
        ({ tracked: logged, seen }) => [Number(logged), Number(seen)],
      );
    expect(await count([[one], [two], [hash()], [two, domain]])).toEqual([
      [1, 2],
      [1, 1],
      [0, 0],
      [1, 2],
    ]);
    expect(await count([[one]], newId())).toEqual([[0, 0]]);
  });
});

describe('an inbox that captures all mail of contacts', () => {
  const mine = (more = {}) => observed({ recipientHashes: [hash()], receivedAt: timestampFromDate(new Date()), ...more });

  it('tracks what a contact is on, whichever came first, and nobody else’s', async () => {
    const [one, other] = [await inboxOf('one@own.example'), await inboxOf('other@own.example')];
    const bob = await contact('Bob@Example.com');
    await capture(one, daysAgo(1));
    const from = mine({ fromHash: bob });
    const to = mine({ fromHash: people.own, recipientHashes: [hash(), bob] });
    const [stranger, list, elsewhere, citing] = [
      mine(),
      mine({ fromHash: bob, kind: MailKind.LIST }),
      mine({ fromHash: bob }),
      mine({ chainHashes: [from.messageIdHash] }),
    ];
    await observe(one, [from, to, stranger, list, citing]);
    await observe(other, [elsewhere]);
    expect(await trackedMail(from.mailId)).toMatchObject({ because: 'contact' });
    await trackedMail(to.mailId);
    await untilJudged(other);
    // Who answers a mail of a contact is no contact for that.
    expect(await Promise.all([stranger, list, elsewhere, citing].map(({ mailId }) => verdictOf(mailId)))).toEqual(
      Array(4).fill('untracked'),
    );
    expect(await captures(from.mailId)).toMatchObject([{ inboxId: one, onlyIfQuoting: false }]);
    const citingLater = mine({ chainHashes: [from.messageIdHash] });
    await observe(one, [elsewhere, citingLater]);
    await trackedMail(elsewhere.mailId);
    expect(await verdictOf(citingLater.mailId)).toBe('untracked');
    const late = mine();
    await observe(one, [late]);
    await untilJudged(one);
    const cora = await contact('cora@example.com');
    const early = mine({ fromHash: cora });
    await observe(one, [early]);
    await trackedMail(early.mailId);
  });

  it('knows a contact who writes from an address with a tag, whichever came first', async () => {
    const inboxId = await inboxOf('tag@own.example');
    await capture(inboxId, daysAgo(1));
    const gus = await contact('gus@example.com');
    const [after, before] = [mine({ domainHashes: [hash(), gus] }), mine({ domainHashes: [hash(), gus] })];
    await observe(inboxId, [after]);
    await trackedMail(after.mailId);
    await here.house.query('delete from threading.contact_address where address_hash = $1', [gus]);
    await observe(inboxId, [before]);
    await untilJudged(inboxId);
    expect(await verdictOf(before.mailId)).toBe('untracked');
    await contact('gus@example.com');
    await trackedMail(before.mailId);
  });

  it('knows a contact by each of its addresses until it is taken off, whichever word of it came first', async () => {
    const inboxId = await inboxOf('each@own.example');
    await capture(inboxId, daysAgo(1));
    const [first, other] = [await contact('first@example.com'), await contact('second@example.com')];
    await here.house.query('delete from threading.contact_address where address_hash = any ($1)', [[first, other]]);
    const [contactId, goneId] = [newId(), newId()];
    const say = async (id: string, address: string, otherAddresses: string[], of: bigint) => {
      await here.house.publish('rejoinder.timeline.v1', ContactChangedSchema, id, { contactId: id, address, otherAddresses }, of);
      await taken();
    };
    const verdictFrom = async (address: Buffer) => {
      const one = mine({ fromHash: address });
      await observe(inboxId, [one]);
      await untilJudged(inboxId);
      return verdictOf(one.mailId);
    };
    // As it was told before contacts were known by their ids.
    await here.house.query('insert into threading.contact_address (tenant_id, address_hash) values ($1, $2)', [here.house.tenantId, other]);
    expect(await verdictFrom(other)).toBe('tracked');
    await say(contactId, 'first@example.com', ['Second@Example.com'], 2n);
    expect(await Promise.all([verdictFrom(first), verdictFrom(other)])).toEqual(['tracked', 'tracked']);
    const waiting = mine({ fromHash: other });
    await observe(inboxId, [waiting]);
    await trackedMail(waiting.mailId);
    await say(contactId, 'first@example.com', [], 3n);
    await letGo(waiting.mailId);
    expect(await Promise.all([verdictFrom(first), verdictFrom(other)])).toEqual(['tracked', 'untracked']);
    // An older word changes nothing, and a contact that is no more has no address, whatever is said of it again.
    await say(contactId, 'first@example.com', ['second@example.com'], 2n);
    expect(await verdictFrom(other)).toBe('untracked');
    await say(goneId, 'second@example.com', [], 1n);
    expect(await verdictFrom(other)).toBe('tracked');
    await here.house.publish('rejoinder.timeline.v1', ContactMergedSchema, goneId, { contactId: goneId, intoContactId: contactId }, 2n);
    await taken();
    expect(await verdictFrom(other)).toBe('untracked');
    await say(goneId, 'second@example.com', [], 1n);
    await say(contactId, 'first@example.com', ['second@example.com'], 4n);
    expect(await verdictFrom(other)).toBe('tracked');
    await say(contactId, 'first@example.com', [], 5n);
    expect(await verdictFrom(other)).toBe('untracked');
  });

  it('reaches back as far as was asked, and no further', async () => {
    const inboxId = await inboxOf('back@own.example');
    const dan = await contact('dan@example.com');
    const [old, older] = [mine({ fromHash: dan, receivedAt: daysAgo(5) }), mine({ fromHash: dan, receivedAt: daysAgo(20) })];
    await observe(inboxId, [old, older]);
    await untilJudged(inboxId);
    await capture(inboxId, daysAgo(10));
    await trackedMail(old.mailId);
    const oldToo = mine({ fromHash: dan, receivedAt: daysAgo(20) });
    await observe(inboxId, [oldToo]);
    await untilJudged(inboxId);
    expect(await Promise.all([older, oldToo].map(({ mailId }) => verdictOf(mailId)))).toEqual(['untracked', 'untracked']);
    await capture(inboxId, daysAgo(0));
    await captured(inboxId, old.mailId, 1n);
    await capture(inboxId, undefined);
    const next = mine({ fromHash: dan });
    await observe(inboxId, [next]);
    await untilJudged(inboxId);
    expect(await verdictOf(next.mailId)).toBe('untracked');
  });

  it('takes what is known already of somebody who becomes a contact', async () => {
    const inboxId = await inboxOf('soon@own.example');
    const eve = await contact('eve@example.com');
    await here.house.query('delete from threading.contact_address where address_hash = $1', [eve]);
    await capture(inboxId, daysAgo(1));
    const before = mine({ fromHash: eve });
    await observe(inboxId, [before]);
    await untilJudged(inboxId);
    expect(await verdictOf(before.mailId)).toBe('untracked');
    await contact('eve@example.com');
    await trackedMail(before.mailId);
  });

  it('keeps what it has read when it goes back to tracked mail, and lets go of what it has not', async () => {
    const inboxId = await inboxOf('keeps@own.example');
    const fay = await contact('fay@example.com');
    await capture(inboxId, daysAgo(1));
    const [read, waiting] = [mine({ fromHash: fay }), mine({ fromHash: fay })];
    await observe(inboxId, [read, waiting]);
    await captured(inboxId, read.mailId, (await trackedMail(read.mailId)).revision);
    await trackedMail(waiting.mailId);
    await settle(
      'what was read to be known',
      async () =>
        (await here.house.query(`select 1 from threading.node where mail_id = $1 and capture = 'captured'`, [read.mailId])).length > 0,
    );
    await capture(inboxId, undefined);
    await letGo(waiting.mailId);
    await observe(await inboxOf('second@own.example'), [read]);
    await untilJudged(inboxId);
    expect(await verdictOf(read.mailId)).toBe('tracked');
  });

  it('takes nobody’s mail for being on the never-log list, nor own addresses for contacts', async () => {
    const inboxId = await inboxOf('gus@own.example');
    const gus = await contact('gus@own.example');
    const hal = await contact('hal@example.com');
    await neverLog([hal]);
    await capture(inboxId, daysAgo(1));
    const [own, never] = [mine({ recipientHashes: [gus] }), mine({ fromHash: hal })];
    await observe(inboxId, [own, never]);
    await untilJudged(inboxId);
    expect(await Promise.all([own, never].map(({ mailId }) => verdictOf(mailId)))).toEqual(['untracked', 'untracked']);
    expect((await tracked()).some(({ mailId }) => mailId === never.mailId)).toBe(false);
  });
});
