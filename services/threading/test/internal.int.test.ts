// Mail that nobody but own people are on: neither tracked nor read, unless the settings of its tenant say so; and what becomes of it when they change.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { newId } from '@rejoinder/base/id';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { DropMailSchema } from '@rejoinder/contracts/commands';
import { InboxConnectedSchema, InboxRemovedSchema, LoggingChangedSchema } from '@rejoinder/contracts/events/connections';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { MailUntrackedSchema } from '@rejoinder/contracts/events/threading';
import { settle } from '@rejoinder/testing/settle';
import {
  captures,
  closeHouse,
  hash,
  here,
  observe,
  observed,
  openHouse,
  send,
  tracked,
  trackedMail,
  verdictOf,
} from './threading-house.js';

/** Of one tenant of its own for each test: two members, whose addresses are own. */
interface Team {
  tenantId: string;
  inboxId: string;
  members: [Buffer, Buffer];
}

let revision = 0n;

beforeAll(openHouse);
afterAll(closeHouse);

const settled = (tenantId: string) =>
  settle('all to be judged again', async () => {
    const sql = `select due_at is null and not exists (select from threading.recheck r where r.tenant_id = g.tenant_id) as done from threading.tenant_graph g where tenant_id = $1`;
    return (await here.house.query<{ done: boolean }>(sql, [tenantId]))[0]?.done;
  });

async function connect(tenantId: string, address: string): Promise<{ inboxId: string; hash: Buffer }> {
  const inboxId = newId();
  await here.house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, { inboxId, address }, 0n, tenantId);
  const [row] = await settle('the inbox', async () => {
    const rows = await here.house.query<{ hash: Buffer }>('select address_hash as hash from threading.own_address where inbox_id = $1', [
      inboxId,
    ]);
    return rows.length > 0 ? rows : undefined;
  });
  await settled(tenantId);
  return { inboxId, hash: row!.hash };
}

async function team(): Promise<Team> {
  const tenantId = newId();
  const one = await connect(tenantId, 'ada@house.test');
  const other = await connect(tenantId, 'bert@house.test');
  return { tenantId, inboxId: one.inboxId, members: [one.hash, other.hash] };
}

async function logInternal(tenantId: string, isLogged: boolean, until?: Date, of = ++revision): Promise<void> {
  const message = { makeContacts: 'everyone', logInternal: isLogged, internalUntil: until && timestampFromDate(until) };
  await here.house.publish('rejoinder.connections.internal.v1', LoggingChangedSchema, tenantId, message, of, tenantId);
  // Also a word that changes nothing.
  const unread = `select 1 from bus.position p join bus.log_end e using (topic, partition) where p."group" like '%threading%' and p.next_offset < e.next_offset`;
  await settle('the rule to be taken', async () => (await here.house.query(unread)).length === 0);
  await settled(tenantId);
}

const customer = hash();
/** Our mail to the customer, and a member's to another one that answers it. */
async function story({ tenantId, inboxId, members: [ada, bert] }: Team) {
  const ours = await send(inboxId, { fromHash: ada, recipientHashes: [customer] }, tenantId);
  await trackedMail(ours.mailId);
  const internal = observed({ fromHash: ada, recipientHashes: [bert], chainHashes: [ours.messageIdHash] });
  return { ours, internal };
}

async function judged({ tenantId, inboxId }: Team, mails: Parameters<typeof observe>[1]): Promise<void> {
  const last = observed();
  await observe(inboxId, [...mails, last], tenantId);
  await settle('the last mail', () => verdictOf(last.mailId));
}

const explained = async ({ tenantId }: Team, mailId: string) =>
  (await here.house.peers.client(ThreadingService).explain({ tenantId, mailId })).rule;
const untracked = async (mailId: string) =>
  settle('the mail to be let go', async () =>
    (await here.house.published('rejoinder.threading.v1', MailUntrackedSchema)).find((one) => one.mailId === mailId),
  );
const dropped = async (mailId: string) =>
  (await here.house.published('rejoinder.sync.commands.v1', DropMailSchema)).filter((one) => one.mailId === mailId).length;
async function captured({ tenantId, inboxId }: Team, mailId: string): Promise<void> {
  const { revision: of } = await trackedMail(mailId);
  await here.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, { inboxId, mailId, revision: of }, 0n, tenantId);
  const sql = `select 1 from threading.node where mail_id = $1 and capture = 'captured'`;
  await settle('the capture to be known', async () => (await here.house.query(sql, [mailId])).length > 0);
}

describe('mail among own people', () => {
  it('is not asked for though it answers a tracked mail; who cites both is, and who cites it alone is not', async () => {
    const house = await team();
    const { ours, internal } = await story(house);
    const blind = observed({ fromHash: house.members[0], recipientHashes: [], chainHashes: [ours.messageIdHash] });
    const alone = observed({ fromHash: customer, recipientHashes: [house.members[0]], chainHashes: [internal.messageIdHash] });
    const both = observed({
      fromHash: customer,
      recipientHashes: [house.members[0]],
      chainHashes: [ours.messageIdHash, internal.messageIdHash],
    });
    await judged(house, [alone, both, internal, blind]);
    await trackedMail(both.mailId);
    expect(await Promise.all([internal, blind, alone].map(({ mailId }) => verdictOf(mailId)))).toEqual(Array(3).fill('untracked'));
    expect((await Promise.all([internal, blind, alone].map(({ mailId }) => captures(mailId)))).flat()).toEqual([]);
    expect(await explained(house, internal.mailId)).toBe('internal');
    expect(await explained(house, alone.mailId)).toBe('no_tracked_ancestor');
  });

  it('is tracked if somebody logs it', async () => {
    const house = await team();
    const { internal } = await story(house);
    await judged(house, [{ ...internal, logged: true }]);
    expect(await trackedMail(internal.mailId)).toMatchObject({ because: 'logged' });
  });

  it('is logged once the settings say so, also what came before; an older word of them, and another tenant’s, change nothing', async () => {
    const [house, other] = [await team(), await team()];
    const { internal } = await story(house);
    const elsewhere = await story(other);
    const behind = observed({ fromHash: customer, recipientHashes: [house.members[0]], chainHashes: [internal.messageIdHash] });
    await judged(house, [internal, behind]);
    await judged(other, [elsewhere.internal]);
    await logInternal(house.tenantId, true, undefined, 5n);
    expect(await trackedMail(internal.mailId)).toMatchObject({ because: 'answers' });
    // It shares nobody outside with the mail that it cites: its text decides.
    expect(await verdictOf(behind.mailId)).toBe('asking');
    expect(await captures(internal.mailId)).toHaveLength(1);
    await logInternal(house.tenantId, false, undefined, 4n);
    await logInternal(house.tenantId, true, undefined, 5n);
    expect([await verdictOf(internal.mailId), await verdictOf(elsewhere.internal.mailId)]).toEqual(['tracked', 'untracked']);
    expect((await tracked()).filter(({ mailId }) => mailId === internal.mailId)).toHaveLength(1);
  });

  it('stays where it was captured before the settings changed back, and is let go where it was still to be read', async () => {
    const house = await team();
    await logInternal(house.tenantId, true);
    const { ours, internal } = await story(house);
    const waiting = observed({ fromHash: house.members[1], recipientHashes: [house.members[0]], chainHashes: [ours.messageIdHash] });
    await judged(house, [internal, waiting]);
    await captured(house, internal.mailId);
    await logInternal(house.tenantId, false, new Date());
    expect(await untracked(waiting.mailId)).toMatchObject({ because: 'internal' });
    await settle('the command', async () => (await dropped(waiting.mailId)) === 1);
    expect([await verdictOf(internal.mailId), await dropped(internal.mailId)]).toEqual(['tracked', 0]);
    const later = observed({ fromHash: house.members[1], recipientHashes: [house.members[0]], chainHashes: [internal.messageIdHash] });
    await judged(house, [later]);
    expect(await verdictOf(later.mailId)).toBe('untracked');
  });
});

describe('an address that becomes own', () => {
  it('makes mail with it internal, which is let go, and a removed inbox gives none of it back', async () => {
    const house = await team();
    const colleague = await connect(house.tenantId, 'cleo@house.test');
    const { hash: cleo } = colleague;
    await here.house.query('delete from threading.own_address where inbox_id = $1', [colleague.inboxId]);
    const { ours } = await story(house);
    const answer = observed({
      fromHash: house.members[0],
      recipientHashes: [cleo],
      chainHashes: [ours.messageIdHash],
      baseSubjectHash: hash(),
    });
    const direct = await send(house.inboxId, { fromHash: house.members[0], recipientHashes: [cleo] }, house.tenantId);
    const back = observed({ fromHash: cleo, recipientHashes: [house.members[0]], chainHashes: [direct.messageIdHash] });
    await judged(house, [answer, back]);
    await captured(house, back.mailId);
    const { inboxId } = await connect(house.tenantId, 'cleo@house.test');
    expect(await untracked(back.mailId)).toMatchObject({ because: 'internal' });
    await settle('the command', async () => (await dropped(back.mailId)) === 1);
    expect(await explained(house, answer.mailId)).toBe('internal');
    await here.house.publish(
      'rejoinder.connections.v1',
      InboxRemovedSchema,
      inboxId,
      { inboxId, address: 'cleo@house.test' },
      1n,
      house.tenantId,
    );
    await judged(house, []);
    await settled(house.tenantId);
    expect(await verdictOf(back.mailId)).toBe('untracked');
  });
});
