// Further addresses of a mailbox are own ones: mail with nobody but them is among ourselves, as long as the settings name them.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { InboxConnectedSchema, SettingsChangedSchema } from '@rejoinder/contracts/events/connections';
import { MailUntrackedSchema } from '@rejoinder/contracts/events/threading';
import { settle } from '@rejoinder/testing/settle';
import { closeHouse, hash, here, observe, observed, openHouse, send, trackedMail, verdictOf } from './threading-house.js';

beforeAll(openHouse);
afterAll(closeHouse);

const tenantId = newId();
const inboxId = newId();

async function told(schema: typeof InboxConnectedSchema | typeof SettingsChangedSchema, ownAddresses: string[], revision: bigint) {
  const message = { inboxId, address: 'ada@house.test', settings: { capture: 'tracked', ownAddresses } };
  await here.house.publish('rejoinder.connections.v1', schema, inboxId, message, revision, tenantId);
  const unread = `select 1 from bus.position p join bus.log_end e using (topic, partition) where p."group" like '%threading%' and p.next_offset < e.next_offset`;
  await settle('the settings to be taken', async () => (await here.house.query(unread)).length === 0);
  const sql = `select due_at is null and not exists (select from threading.recheck r where r.tenant_id = g.tenant_id) as done from threading.tenant_graph g where tenant_id = $1`;
  await settle('all to be judged again', async () => (await here.house.query<{ done: boolean }>(sql, [tenantId]))[0]?.done);
}

it('judges their mail again once they are named, and once they are not any more; an older word changes nothing', async () => {
  await told(InboxConnectedSchema, ['sales@house.test'], 1n);
  const [own] = await here.house.query<{ ada: Buffer; sales: Buffer }>(
    'select address_hash as ada, other_hashes[1] as sales from threading.own_address where inbox_id = $1',
    [inboxId],
  );
  const { ada, sales } = own!;
  await told(SettingsChangedSchema, [], 2n);
  const ours = await send(inboxId, { fromHash: ada, recipientHashes: [hash()] }, tenantId);
  await trackedMail(ours.mailId);
  const direct = await send(inboxId, { fromHash: ada, recipientHashes: [sales] }, tenantId);
  const back = observed({ fromHash: sales, recipientHashes: [ada], chainHashes: [direct.messageIdHash] });
  await observe(inboxId, [back], tenantId);
  await trackedMail(back.mailId);
  await told(SettingsChangedSchema, ['Sales@house.test'], 3n);
  const untracked = await settle('the mail to be let go', async () =>
    (await here.house.published('rejoinder.threading.v1', MailUntrackedSchema)).find(({ mailId }) => mailId === back.mailId),
  );
  expect(untracked.because).toBe('internal');
  await told(SettingsChangedSchema, [], 2n);
  expect(await verdictOf(back.mailId)).toBe('untracked');
  await told(SettingsChangedSchema, ['other@house.test'], 4n);
  expect(await verdictOf(back.mailId)).toBe('tracked');
});
