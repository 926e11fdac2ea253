// Several addresses of one person: mail of each stands with one contact, and two contacts become one.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { ContactChangedSchema, ContactMergedSchema, EngagementDeletedSchema } from '@rejoinder/contracts/events/timeline';
import { migrate, serviceMigrations } from '@rejoinder/runtime/migrate';
import { settle } from '@rejoinder/testing/settle';
import { ann, api, capture, closeHouse, drained, engagement, here, logged, openHouse, person, timelineOf } from './timeline-house.js';

beforeAll(openHouse);
afterAll(closeHouse);

const put = async (address: string, name = '') => (await api().putContact({ tenantId: here.house.tenantId, address, name })).contact!;
const add = (contactId: string, address: string) => api().addContactAddress({ tenantId: here.house.tenantId, contactId, address });
const remove = (contactId: string, address: string) => api().removeContactAddress({ tenantId: here.house.tenantId, contactId, address });
const get = async (contactId: string) => (await api().getContact({ tenantId: here.house.tenantId, contactId })).contact!;
const mailsOf = async (address: string) => (await timelineOf(address)).map(({ mailId }) => mailId).toSorted();
const on = (address: string, mailId: string) => engagement(address, (one) => one.mailId === mailId);
const tagged = (address: string) => address.replace('@', '+CRM@');

describe('a contact with another address', () => {
  test('has on its timeline what comes from it and goes to it, also with a tag, as it was addressed', async () => {
    const [first, other] = [ann(), ann()];
    const { contactId } = await put(first, 'Ann');
    const { contact, mergedContactId } = await add(contactId, other.toUpperCase());
    expect([contact?.address, contact?.otherAddresses, mergedContactId]).toEqual([first, [other], '']);
    const mails = [
      await capture({ from: person(other) }),
      await capture({ from: person(tagged(other)) }),
      await capture({ from: person('me@house.test'), to: [person(other)] }),
      await capture({ from: person(ann()), cc: [person(tagged(other))] }),
      await capture({ from: person(first), cc: [person(other)] }),
    ];
    for (const { mailId } of mails) await on(first, mailId);
    expect(await mailsOf(first)).toEqual(mails.map(({ mailId }) => mailId).toSorted());
    expect((await on(first, mails[1]!.mailId)).from?.address).toBe(tagged(other));
    const list = (query: string) => api().listContacts({ tenantId: here.house.tenantId, query });
    expect([(await list(first)).contacts.length, (await list(other)).contacts.map((one) => one.contactId)]).toEqual([1, [contactId]]);
    const again = await api().putContact({ tenantId: here.house.tenantId, address: other, name: 'Ann B' });
    expect([again.created, again.contact]).toMatchObject([false, { contactId, address: first, name: 'Ann B', otherAddresses: [other] }]);
    expect((await add(contactId, other)).contact?.otherAddresses).toEqual([other]);
    const told = (await here.house.published('rejoinder.timeline.v1', ContactChangedSchema)).filter((one) => one.contactId === contactId);
    expect(told.map(({ address, name, otherAddresses }) => [address, name, otherAddresses])).toEqual([
      [first, 'Ann', []],
      [first, 'Ann', [other]],
      [first, 'Ann B', [other]],
    ]);
  });

  test('from which it is taken has what stood there; later mail of it is of a contact of its own', async () => {
    const [first, other] = [ann(), ann()];
    const { contactId } = await put(first);
    await add(contactId, other);
    const { mailId } = await capture({ from: person(other) });
    await on(first, mailId);
    const { contact } = await remove(contactId, other.toUpperCase());
    expect(contact).toMatchObject({ contactId, address: first, otherAddresses: [], engagements: 1n });
    const later = await capture({ from: person(other) });
    await on(other, later.mailId);
    expect([await mailsOf(first), await mailsOf(other)]).toEqual([[mailId], [later.mailId]]);
    await expect(remove(contactId, other)).rejects.toMatchObject({ kind: 'not_found', code: 'ADDRESS_NOT_FOUND' });
    await expect(remove(contactId, first.toUpperCase())).rejects.toMatchObject({ kind: 'conflict', code: 'FIRST_ADDRESS' });
    const told = (await here.house.published('rejoinder.timeline.v1', ContactChangedSchema)).filter((one) => one.contactId === contactId);
    expect(told.map(({ otherAddresses }) => otherAddresses)).toEqual([[], [other], []]);
  });

  test('has up to twenty, none of our own, and only in its tenant', async () => {
    const { contactId } = await put(ann());
    await expect(add(contactId, 'ME@House.test')).rejects.toMatchObject({ code: 'OWN_ADDRESS' });
    await expect(add(contactId, 'me+shop@house.test')).rejects.toMatchObject({ code: 'OWN_ADDRESS' });
    await expect(add(contactId, 'ann')).rejects.toMatchObject({ code: 'ADDRESS' });
    await expect(add(newId(), ann())).rejects.toMatchObject({ code: 'CONTACT_NOT_FOUND' });
    await expect(add('no id', ann())).rejects.toMatchObject({ code: 'CONTACT_NOT_FOUND' });
    for (let at = 0; at < 20; at++) await add(contactId, ann());
    const more = ann();
    await expect(add(contactId, more)).rejects.toMatchObject({ kind: 'too_large', code: 'TOO_MANY_ADDRESSES' });
    const whole = await put(more);
    await expect(add(contactId, more)).rejects.toMatchObject({ code: 'TOO_MANY_ADDRESSES' });
    expect([(await get(contactId)).otherAddresses.length, (await get(whole.contactId)).address]).toEqual([20, more]);
    const tenantId = newId();
    const { otherAddresses } = await get(contactId);
    await expect(api().removeContactAddress({ tenantId, contactId, address: otherAddresses[0] })).rejects.toMatchObject({
      code: 'CONTACT_NOT_FOUND',
    });
    await expect(api().addContactAddress({ tenantId, contactId, address: ann() })).rejects.toMatchObject({ code: 'CONTACT_NOT_FOUND' });
    const theirs = await api().putContact({ tenantId, address: more });
    expect([theirs.created, theirs.contact?.contactId === whole.contactId]).toEqual([true, false]);
  });
});

describe('two contacts that are one', () => {
  test('have one timeline, on which a mail of both stands once; who asks for the one that is gone gets the other', async () => {
    const [first, second, third] = [ann(), ann(), ann()];
    const [kept, gone] = [await put(first), await put(second, 'Ann')];
    await add(gone.contactId, third);
    const ofFirst = await capture({ from: person(first) });
    const ofThird = await capture({ from: person(third) });
    const ofBoth = await capture({ from: person(second), cc: [person(first)] });
    const [moved, stays, double] = [await on(second, ofThird.mailId), await on(first, ofBoth.mailId), await on(second, ofBoth.mailId)];
    await on(first, ofFirst.mailId);
    const { contact, mergedContactId } = await add(kept.contactId, second);
    expect(mergedContactId).toBe(gone.contactId);
    expect(contact).toMatchObject({ contactId: kept.contactId, address: first, name: 'Ann', engagements: 3n });
    expect(contact!.otherAddresses.toSorted()).toEqual([second, third].toSorted());
    const all = [ofFirst, ofThird, ofBoth].map(({ mailId }) => mailId).toSorted();
    expect([await mailsOf(first), await mailsOf(third)]).toEqual([all, all]);
    expect([(await on(first, ofThird.mailId)).engagementId, (await on(first, ofBoth.mailId)).engagementId]).toEqual([
      moved.engagementId,
      stays.engagementId,
    ]);
    expect((await get(gone.contactId)).contactId).toBe(kept.contactId);
    const { engagements } = await api().listEngagements({ tenantId: here.house.tenantId, contactId: gone.contactId });
    expect(engagements.map(({ mailId }) => mailId).toSorted()).toEqual(all);
    const rows = 'select address, name, last_activity_at from timeline.contact where contact_id = $1';
    expect(await here.house.query(rows, [gone.contactId])).toEqual([{ address: null, name: '', last_activity_at: null }]);

    const merged = await settle('the word of it', async () =>
      (await here.house.published('rejoinder.timeline.v1', ContactMergedSchema)).find((one) => one.contactId === gone.contactId),
    );
    expect(merged.intoContactId).toBe(kept.contactId);
    const deleted = await here.house.published('rejoinder.timeline.v1', EngagementDeletedSchema);
    expect(deleted.filter(({ because }) => because === 'merged')).toMatchObject([
      { engagementId: double.engagementId, contactId: gone.contactId, mailId: ofBoth.mailId },
    ]);
    expect(new Set((await logged(moved.engagementId)).map(({ contactId }) => contactId))).toEqual(
      new Set([gone.contactId, kept.contactId]),
    );

    // Into a third: the first id that is gone still answers.
    const last = await put(ann());
    await add(last.contactId, first);
    expect([(await get(gone.contactId)).contactId, (await get(kept.contactId)).contactId]).toEqual([last.contactId, last.contactId]);
    const later = await capture({ from: person(second) });
    await on(last.address, later.mailId);
    // Taken off, the address of one that is gone is free for a contact of its own.
    await remove(last.contactId, second);
    const own = await capture({ from: person(second) });
    expect([(await on(second, own.mailId)).contactId === gone.contactId, (await get(gone.contactId)).contactId]).toEqual([
      false,
      last.contactId,
    ]);
  });

  test('keep what a person deleted from either deleted, but for what stands on the other', async () => {
    const [first, second] = [ann(), ann()];
    const [kept, gone] = [await put(first), await put(second)];
    const messages = [
      await capture({ from: person(second), cc: [person(ann())] }),
      await capture({ from: person(second), cc: [person(first)] }),
      await capture({ from: person(second), cc: [person(first)] }),
    ] as const;
    const { tenantId } = here.house;
    const [off, offFirst, offSecond] = messages;
    await api().deleteEngagement({ tenantId, engagementId: (await on(second, off.mailId)).engagementId });
    await api().deleteEngagement({ tenantId, engagementId: (await on(first, offFirst.mailId)).engagementId });
    await api().deleteEngagement({ tenantId, engagementId: (await on(second, offSecond.mailId)).engagementId });
    await add(kept.contactId, second);
    const standing = [offFirst.mailId, offSecond.mailId].toSorted();
    expect(await mailsOf(first)).toEqual(standing);
    const sql = 'select mail_id from timeline.tombstone where contact_id = any ($1)';
    expect(await here.house.query(sql, [[kept.contactId, gone.contactId]])).toEqual([{ mail_id: off.mailId }]);
    // All are placed anew where somebody on them becomes one of us.
    await here.house.query('update timeline.mail set to_place = true, due_at = now(), version = version + 1 where mail_id = any ($1)', [
      messages.map(({ mailId }) => mailId),
    ]);
    await capture({ from: person(ann()) });
    await drained();
    expect(await mailsOf(first)).toEqual(standing);
  });

  test('become one in whatever order they are asked for at once, while their mail comes', { timeout: 120_000 }, async () => {
    for (let round = 0; round < 6; round++) {
      const [first, second, third] = [ann(), ann(), ann()];
      const [one, other, more] = [await put(first), await put(second), await put(third)];
      const coming = Array.from({ length: 12 }, (_, at) =>
        capture({ from: person(at % 2 ? first : second), cc: [person(second), person(third)] }),
      );
      await Promise.all(coming.slice(0, round));
      const asked = [add(one.contactId, second), add(other.contactId, first), add(more.contactId, second), add(one.contactId, third)];
      // One may be told to try again; none may break.
      for (const { reason } of (await Promise.allSettled(asked)).filter((a) => a.status === 'rejected')) {
        expect(reason).toMatchObject({ code: 'CONTACT_BUSY' });
      }
      const mails = (await Promise.all(coming)).map(({ mailId }) => mailId);
      const { contactId } = await get(one.contactId);
      for (const address of [first, second, third]) await add(contactId, address);
      for (const mailId of mails) await on(first, mailId);
      await drained();
      expect(await mailsOf(third)).toEqual(mails.toSorted());
      const ids = [one, other, more].map((of) => of.contactId);
      const living = await here.house.query('select contact_id from timeline.contact where contact_id = any ($1) and merged_into is null', [
        ids,
      ]);
      expect(living).toEqual([{ contact_id: contactId }]);
      const left =
        'select 1 from timeline.engagement e join timeline.contact c using (tenant_id, contact_id) where c.merged_into is not null';
      expect(await here.house.query(left)).toEqual([]);
    }
    expect(await here.house.query('select * from timeline.dead_letter')).toEqual([]);
  });

  test('stay two, whatever their mail says: only who calls the API makes one of them', async () => {
    const [first, second] = [ann(), ann()];
    const ids = [(await put(first, 'Ann')).contactId, (await put(second, 'Ann')).contactId];
    await capture({ from: person(second, `Ann <${first}>`), to: [person(first, second), person(tagged(first))], cc: [person(second)] });
    await capture({ from: person(first, second), cc: [person(second, first)] });
    for (const address of [first, second]) await settle('both mails', async () => (await mailsOf(address)).length === 2);
    expect(await Promise.all(ids.map(get))).toMatchObject(ids.map((contactId) => ({ contactId, name: 'Ann', otherAddresses: [] })));
  });

  test('are one at once with ten thousand mails, and refused with one more', { timeout: 60_000 }, async () => {
    const { tenantId } = here.house;
    const [kept, full] = [await put(ann()), await put(ann())];
    const fill = `with m as (insert into timeline.mail (tenant_id, mail_id, known_since) select $1, gen_random_uuid(), now() from generate_series(1, 10001) returning mail_id)
      insert into timeline.engagement (tenant_id, engagement_id, contact_id, mail_id, occurred_at) select $1, gen_random_uuid(), $2, mail_id, now() from m`;
    await here.house.query(fill, [tenantId, full.contactId]);
    await expect(add(kept.contactId, full.address)).rejects.toMatchObject({ kind: 'too_large', code: 'TOO_MANY_MAILS' });
    expect([(await get(kept.contactId)).engagements, (await get(full.contactId)).engagements]).toEqual([0n, 10_001n]);
    const one = 'select engagement_id from timeline.engagement where contact_id = $1 limit 1';
    await here.house.query(`delete from timeline.engagement where engagement_id = (${one})`, [full.contactId]);
    expect((await add(kept.contactId, full.address)).contact?.engagements).toBe(10_000n);
  });
});

test('contacts that were made before have their address, and those that the release before makes meanwhile', async () => {
  const own = fileURLToPath(new URL('../prisma/migrations', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-timeline-'));
  for (const name of ['0001_init', '0002_known_contacts_only']) cpSync(join(own, name), join(folder, name), { recursive: true });
  const url = await here.house.postgres.createDatabase('before');
  await migrate(url, [serviceMigrations('timeline', pathToFileURL(folder))]);
  rmSync(folder, { recursive: true });
  const pool = new pg.Pool({ connectionString: url });
  const insert = 'insert into timeline.contact (tenant_id, contact_id, address, made_at) values ($1, $2, $3, now()) on conflict do nothing';
  const make = (...values: string[]) => pool.query(insert, values);
  const [tenant, one, other] = [newId(), newId(), newId()];
  await make(tenant, one, 'Ann@x.test');
  await migrate(url, [serviceMigrations('timeline', pathToFileURL(own))]);
  await make(tenant, other, 'bob@x.test');
  await pool.query('update timeline.contact_address set contact_id = $1', [one]);
  await make(tenant, newId(), 'BOB@x.test');
  const { rows } = await pool.query('select contact_id, address from timeline.contact_address order by address');
  const { rows: contacts } = await pool.query<{ address: string }>('select address from timeline.contact order by address');
  await pool.end();
  expect(rows).toEqual([
    { contact_id: one, address: 'ann@x.test' },
    { contact_id: one, address: 'bob@x.test' },
  ]);
  expect(contacts.map(({ address }) => address)).toEqual(['Ann@x.test', 'bob@x.test']);
});
