// Webhooks over real HTTPS: each event to whoever asked for it, signed, until it was taken, and nothing lost on the way.
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Receiver } from '@rejoinder/testing/receiver';
import { pause, settle } from '@rejoinder/testing/settle';
import { apiKey, startSecondPod } from './gateway-house.js';
import { of, startWebhookHouse, type WebhookHouse } from './webhook-house.js';

let house: WebhookHouse;
let receiver: Receiver;
const dayMs = 86_400_000;

beforeAll(async () => {
  house = await startWebhookHouse();
  receiver = await house.receiver();
});
afterAll(() => house?.stop());

const answers =
  (status: number, headers = {}): Receiver['answer'] =>
  (_, response) =>
    response.writeHead(status, headers).end();
const ids = (one: Receiver, key = 'engagement_id') => one.told.map(({ event }) => String(event.data[key]));
const remove = (id: string) => house.ask('DELETE', `/${id}`);
const codeOf = ({ status, json }: { status: number; json: unknown }) => [status, (json as { code: string }).code];

/** A receiver of its own with a webhook that leads there, both gone at the end. */
async function withWebhook(events: string[], work: (one: Receiver, id: string, secret: string) => Promise<void>): Promise<void> {
  const one = await house.receiver();
  const { webhook_id: id, secret } = await house.add(one.url, events);
  const { aheadMs } = house.clock;
  try {
    await work(one, id, secret);
  } finally {
    await remove(id);
    await one.stop();
    // Partitions are made for some days ahead, not for all that the tests wait.
    house.clock.aheadMs = aheadMs;
  }
}

describe('an event', () => {
  test('is told within milliseconds, signed, by its ids and states; and to those alone who want its kind', () =>
    withWebhook(['InboxDisconnected'], async (one, id, secret) => {
      const all = await house.add(receiver.url);
      await house.logged(1);
      const began = performance.now();
      const inboxId = await house.disconnected();
      const told = await settle('the notice', () => one.told.find(of(inboxId)));
      process.stdout.write(`log to receiver: ${Math.round(told.at - began)} ms\n`);
      expect(new Webhook(secret).verify(told.body, told.headers)).toEqual({
        type: 'InboxDisconnected',
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        data: expect.objectContaining({ inbox_id: inboxId, reason: 'AUTH_REJECTED' }),
      });
      expect(told.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': expect.stringMatching(/^Rejoinder\//) });
      await settle('both kinds', () => receiver.told.length === 2);
      expect(one.told).toHaveLength(1);
      const [delivery, ...others] = await settle('it is settled', async () => {
        const found = await house.deliveries(id);
        return found[0]?.state === 'taken' && found;
      });
      expect([delivery, others]).toMatchObject([
        { event_id: told.id, type: 'InboxDisconnected', status: 204, tries: 1, next_try_at: null },
        [],
      ]);
      await remove(all.webhook_id);
    }));

  test('of another tenant is seen by nobody else, nor are their webhooks', async () => {
    const mine = await house.receiver();
    const { other, tenantId } = house.gateway;
    const theirs = await house.add(mine.url, [], other.key);
    const [forMe, forThem] = [await house.disconnected(tenantId), await house.disconnected(other.tenantId)];
    await settle('theirs', () => mine.told.some(of(forThem)));
    expect(mine.told.some(of(forMe))).toBe(false);
    // Of both in one batch.
    const both = await house.disconnected(tenantId, other.tenantId);
    await settle('theirs again', () => mine.told.some(of(both)));
    const made = await house.gateway.house.query('select 1 from gateway.webhook_delivery where webhook_id = $1', [theirs.webhook_id]);
    expect([mine.told.length, made.length]).toEqual([2, 2]);
    const path = `/${theirs.webhook_id}`;
    const asked = [
      house.ask('GET', path),
      house.ask('PATCH', path, { state: 'paused' }),
      house.ask('POST', `${path}/rotate-secret`),
      house.ask('POST', `${path}/test`),
      house.ask('POST', `${path}/replay`, { since: '2026-01-01T00:00:00Z' }),
      house.ask('GET', `${path}/deliveries`),
    ];
    for (const answer of await Promise.all(asked)) expect(codeOf(answer)).toEqual([404, 'WEBHOOK_NOT_FOUND']);
    await remove(theirs.webhook_id);
    expect((await house.call<{ webhooks: object[] }>('GET', '', undefined, other.key)).webhooks).toHaveLength(1);
    expect((await house.call<{ webhooks: object[] }>('GET', '')).webhooks).toHaveLength(0);
    await house.ask('DELETE', path, undefined, other.key);
  });

  test('that is refused is told again, the same id, until it is taken; the others go on', () =>
    withWebhook(['InboxDisconnected'], async (one, id) => {
      const poison = await house.disconnected();
      one.answer = (told, response) => response.writeHead(of(poison)(told) && one.told.filter(of(poison)).length < 3 ? 500 : 200).end();
      await settle('the first try', () => one.told.some(of(poison)));
      const next = await house.disconnected();
      await settle('the next one', () => one.told.some(of(next)), { timeoutMs: 5_000 });
      for (let tries = 2; tries <= 3; tries++) {
        house.later(30_000);
        await settle(`try ${tries}`, () => one.told.filter(of(poison)).length === tries);
      }
      await settle('all is well', async () => (await house.deliveries(id)).every(({ state }) => state === 'taken'));
      expect(new Set(one.told.filter(of(poison)).map(({ id: told }) => told)).size).toBe(1);
      expect((await house.deliveries(id)).map(({ tries }) => tries).sort()).toEqual([1, 3]);
      house.later(3_600_000);
      await house.logged(1);
      await pause(300);
      expect(one.told).toHaveLength(4);
    }));

  test('waits for as long as a receiver asks for by Retry-After, and all others with it', () =>
    withWebhook(['InboxDisconnected'], async (one, id) => {
      one.answer = answers(503, { 'retry-after': '60' });
      await house.disconnected();
      const waits = await settle('it waits', async () => {
        const found = await house.webhook(id);
        return found.next_try_at ? found : undefined;
      });
      const inMs = Date.parse(waits.next_try_at!) - (Date.now() + house.clock.aheadMs);
      expect(waits).toMatchObject({ state: 'on', reason: 'WEBHOOK_BUSY', failing_since: expect.any(String) });
      expect([inMs > 50_000, inMs <= 60_000]).toEqual([true, true]);
      await house.disconnected();
      await settle('the second waits too', async () => (await house.webhook(id)).waiting === 2);
      expect(one.told).toHaveLength(1);
      one.answer = answers(204);
      house.later(61_000);
      await settle('both', async () => (await house.deliveries(id)).every(({ state }) => state === 'taken'));
      expect(await house.webhook(id)).toMatchObject({ reason: '', failing_since: null, next_try_at: null, waiting: 0 });
    }));

  test('that nobody takes is given up after three days, and the webhook switched off; switched on again, it can be replayed', () =>
    withWebhook(['InboxDisconnected'], async (one, id) => {
      await one.stop();
      const { aheadMs } = house.clock;
      const inboxId = await house.disconnected();
      let tries = 0;
      for (let left = 3 * dayMs; left > 0; left -= 14_400_000) {
        tries = await settle('a try', async () => {
          const [found] = await house.deliveries(id);
          return found!.tries > tries && found!.tries;
        });
        house.later(14_400_000);
      }
      await settle('it is given up', async () => (await house.deliveries(id))[0]!.state === 'given_up');
      // Not without another look: it may be there again by now.
      expect(await house.webhook(id)).toMatchObject({ state: 'on', reason: 'WEBHOOK_CLOSED' });
      const next = await house.disconnected();
      const off = await settle('it is off', async () => {
        const found = await house.webhook(id);
        return found.state === 'off' ? found : undefined;
      });
      expect(off).toMatchObject({ reason: 'WEBHOOK_FAILING', next_try_at: null, waiting: 1 });
      expect(await house.deliveries(id)).toMatchObject([
        { state: 'waiting', tries: 1, next_try_at: null },
        { state: 'given_up', status: null, next_try_at: null },
      ]);
      const meanwhile = await house.disconnected();
      await settle(
        'it came',
        async () => (await house.gateway.house.query(`select 1 from gateway.feed where facts->>'inbox_id' = $1`, [meanwhile])).length,
      );
      expect(await house.deliveries(id)).toHaveLength(2);
      expect(codeOf(await house.ask('POST', `/${id}/replay`, { since: new Date(0).toISOString() }))).toEqual([409, 'WEBHOOK_OFF']);

      const again = await house.receiver();
      expect(await house.call('PATCH', `/${id}`, { url: again.url, state: 'on' })).toMatchObject({ state: 'on', reason: '' });
      await settle('what waited', () => again.told.some(of(next)));
      // What was given up, and what came while it was off.
      const since = new Date(Date.now() + aheadMs - 60_000).toISOString();
      const { replayed } = await house.call<{ replayed: number }>('POST', `/${id}/replay`, { since });
      await settle('both', () => again.told.some(of(inboxId)) && again.told.some(of(meanwhile)));
      expect(replayed).toBe((await house.deliveries(id)).length - 1);
      await settle('none is left', async () => (await house.deliveries(id)).every(({ state }) => state === 'taken'));
      await again.stop();
    }));
});

describe('a receiver', () => {
  test('that answers 410 is told nothing more', () =>
    withWebhook([], async (one, id) => {
      one.answer = answers(410);
      await house.disconnected();
      await settle('it is off', async () => (await house.webhook(id)).state === 'off');
      expect(await house.webhook(id)).toMatchObject({ reason: 'WEBHOOK_GONE', reason_text: expect.stringContaining('410') });
      await house.disconnected();
      house.later(3_600_000);
      // Another address alone does not switch it on.
      expect(await house.call('PATCH', `/${id}`, { url: `${one.url}/other` })).toMatchObject({ state: 'off', reason: 'WEBHOOK_GONE' });
      await pause(300);
      expect(one.told).toHaveLength(1);
      expect(await house.call<{ taken: boolean }>('POST', `/${id}/test`)).toMatchObject({
        taken: false,
        status: 410,
        reason: 'WEBHOOK_GONE',
      });
    }));

  test('of a paused webhook is told what came meanwhile, fresh before historical, once it goes on', () =>
    withWebhook(['EngagementLogged', 'InboxDisconnected'], async (one, id) => {
      one.answer = answers(500);
      const refused = await house.disconnected();
      await settle('it was refused', async () => (await house.webhook(id)).next_try_at);
      one.answer = answers(204);
      await house.call('PATCH', `/${id}`, { state: 'paused' });
      house.later(60_000);
      const old = await house.logged(20, true);
      const fresh = await house.disconnected();
      await settle('all wait', async () => (await house.webhook(id)).waiting === 22);
      await pause(200);
      expect([one.told.length, (await house.deliveries(id))[0]!.next_try_at]).toEqual([1, null]);
      await house.call('PATCH', `/${id}`, { state: 'on' });
      await settle('all', () => one.told.length === 23);
      expect(one.told.filter(of(refused))).toHaveLength(2);
      // Eight at once: their own order is nobody's promise.
      expect(one.told.slice(1, 9).some(of(fresh))).toBe(true);
      expect(
        ids(one)
          .filter((told) => old.includes(told))
          .sort(),
      ).toEqual(old.sort());
    }));

  test('can be tried: it is told a test, signed, and what it answered is told', () =>
    withWebhook([], async (one, id, secret) => {
      expect(await house.call<object>('POST', `/${id}/test`)).toEqual({
        taken: true,
        status: 204,
        reason: '',
        reason_text: '',
        took_ms: expect.any(Number),
      });
      const [told] = one.told;
      expect(new Webhook(secret).verify(told!.body, told!.headers)).toMatchObject({ type: 'Test', data: { webhook_id: id } });
      await one.stop();
      expect(await house.call<object>('POST', `/${id}/test`)).toMatchObject({ taken: false, status: null, reason: 'WEBHOOK_CLOSED' });
      expect(await house.deliveries(id)).toEqual([]);
    }));

  test('verifies by the old secret and the new one for a day, then by the new one alone', () =>
    withWebhook([], async (one, id, old) => {
      const rotated = await house.call<{ secret: string; old_secret_signs_until: string }>('POST', `/${id}/rotate-secret`);
      const last = async (inboxId: string) => settle('it', () => one.told.find(of(inboxId)));
      const verifies = (secret: string, { body, headers }: Receiver['told'][number]) => {
        const signed = new Webhook(secret).sign(headers['webhook-id']!, new Date(Number(headers['webhook-timestamp']) * 1_000), body);
        return headers['webhook-signature']!.split(' ').includes(signed);
      };
      const both = await last(await house.disconnected());
      expect([verifies(old, both), verifies(rotated.secret, both)]).toEqual([true, true]);
      house.later(dayMs + 1_000);
      const one2 = await last(await house.disconnected());
      expect([verifies(old, one2), verifies(rotated.secret, one2)]).toEqual([false, true]);
      const kept = await house.gateway.house.query<{ text: string }>('select row_to_json(w)::text as text from gateway.webhook w');
      expect(kept.some(({ text }) => text.includes('whsec') || text.includes(Buffer.from(old).toString('hex')))).toBe(false);
    }));

  test('is told one event once more if asked, under its id', () =>
    withWebhook(['InboxDisconnected'], async (one, id) => {
      await house.disconnected();
      const [told] = await settle('it', () => one.told.length > 0 && one.told);
      await settle('it is settled', async () => (await house.deliveries(id))[0]!.state === 'taken');
      expect(await house.call<object>('POST', `/${id}/deliveries/${told!.id}/replay`)).toMatchObject({
        event_id: told!.id,
        state: 'waiting',
        tries: 0,
      });
      await settle('the second', () => one.told.length === 2);
      expect(one.told[1]!.id).toBe(told!.id);
      expect(one.told[1]!.body).toBe(told!.body);
      const none = '019ab1cc-7f43-7d58-8b0f-a4b5c6d7e8ba';
      expect(codeOf(await house.ask('POST', `/${id}/deliveries/${none}/replay`))).toEqual([404, 'WEBHOOK_DELIVERY_NOT_FOUND']);
    }));

  test.each([204, 500])('is told once more also where that is asked while it is being told, be it answered %i', (status) =>
    withWebhook(['InboxDisconnected'], async (one, id) => {
      one.answer = async (told, response) => {
        one.answer = answers(204);
        await house.call<object>('POST', `/${id}/deliveries/${told.id}/replay`);
        response.writeHead(status).end();
      };
      await house.disconnected();
      await settle('the first', () => one.told.length === 1);
      // A receiver that failed is left alone for a while.
      const again = async () => {
        if (status === 500) house.later(60_000);
        return one.told.length === 2;
      };
      await settle('the second', again);
      await settle('it is settled', async () => (await house.deliveries(id))[0]!.state === 'taken');
      expect(one.told[1]!.id).toBe(one.told[0]!.id);
      expect(await house.deliveries(id)).toMatchObject([{ state: 'taken', tries: 1 }]);
    }),
  );
});

describe('nothing is lost or left doubled', () => {
  test('a gateway that dies between the answer and its commit tells the event again, under the same id', { timeout: 90_000 }, () =>
    withWebhook([], async (one, id) => {
      const { postgres } = house.gateway.house;
      one.answer = async (_, response) => {
        one.answer = answers(204);
        await postgres.down();
        response.writeHead(204).end();
      };
      const inboxId = await house.disconnected();
      await settle('the first', () => one.told.some(of(inboxId)));
      await pause(500);
      await postgres.up();
      await settle('the second', () => one.told.filter(of(inboxId)).length === 2, { timeoutMs: 60_000 });
      expect(new Set(one.told.filter(of(inboxId)).map(({ id: told }) => told)).size).toBe(1);
      await settle('it is settled', async () => (await house.deliveries(id)).every(({ state }) => state === 'taken'));
    }),
  );

  test('an event that comes while a worker is about to finish asks for the webhook again, even past its lease', () =>
    withWebhook([], async (_, id) => {
      const { query } = house.gateway.house;
      const claim = `update gateway.webhook set lease_token = gen_random_uuid(), lease_until = l.ends, due_at = l.ends
        from (select clock_timestamp() + interval '1 minute' as ends) l where webhook_id = $1`;
      await query(claim, [id]);
      house.clock.aheadMs += 120_000;
      await house.disconnected();
      const asked = 'select 1 from gateway.webhook where webhook_id = $1 and due_at <> lease_until';
      await settle('it is asked for', async () => (await query(asked, [id])).length);
    }));

  test('two gateways share the work, and one that stops leaves nothing behind', { timeout: 60_000 }, async () => {
    const other = await startSecondPod(house.gateway);
    const receivers = await Promise.all([1, 2, 3, 4].map(() => house.receiver()));
    for (const one of receivers) one.answer = (_, response) => void setTimeout(() => response.writeHead(204).end(), 20);
    const webhooks = await Promise.all(receivers.map(({ url }) => house.add(url, ['EngagementLogged'])));
    const logging = house.logged(100);
    await settle('some', () => receivers.every(({ told }) => told.length > 10));
    await other.stop();
    const all = (await logging).sort();
    await settle('all', () => receivers.every(({ told }) => told.length >= all.length), { timeoutMs: 30_000 });
    for (const one of receivers) expect(ids(one).sort()).toEqual(all);
    for (const { webhook_id: id } of webhooks) await remove(id);
    for (const one of receivers) await one.stop();
  });

  test('events beyond what may wait are left out and said to be, and a replay brings them', { timeout: 60_000 }, () =>
    withWebhook([], async (one, id) => {
      await house.call('PATCH', `/${id}`, { state: 'paused' });
      const { query } = house.gateway.house;
      const fill = `insert into gateway.webhook_delivery (tenant_id, webhook_id, event_id, made_at, seq, type, historical, state, asked_at, try_at)
        select $1, $2, gen_random_uuid(), now(), 0, 'Filler', false, 'waiting', now(), now() from generate_series(1, 99999)`;
      await query(fill, [house.gateway.tenantId, id]);
      const since = new Date(Date.now() + house.clock.aheadMs - 1).toISOString();
      await house.disconnected();
      await settle('the last there is room for', async () => (await house.deliveries(id))[0]!.type === 'InboxDisconnected');
      expect((await house.webhook(id)).left_out_since).toBeNull();
      const leftOut = await house.disconnected();
      await settle('it is said', async () => (await house.webhook(id)).left_out_since);
      await query(`delete from gateway.webhook_delivery where type = 'Filler'`);
      await house.call('PATCH', `/${id}`, { state: 'on' });
      await settle('the one there was room for', () => one.told.length === 1);
      expect(one.told.some(of(leftOut))).toBe(false);
      await house.call('POST', `/${id}/replay`, { since });
      await settle('the one that was left out', () => one.told.some(of(leftOut)));
      expect((await house.webhook(id)).left_out_since).toBeNull();
    }),
  );

  test('deliveries are proven to be kept no longer than the wire', () =>
    withWebhook(['InboxDisconnected'], async (one) => {
      await house.disconnected();
      await settle('it', () => one.told.length);
      const { stores } = await house.gateway.house.peers.storeOf('gateway').listOldest({});
      const limitSeconds = BigInt((7 * dayMs) / 1_000);
      expect(stores.find(({ name }) => name === 'gateway.webhook_delivery')).toMatchObject({
        retentionClass: 'wire',
        limitSeconds,
        oldest: expect.anything(),
      });
    }));

  test('a page goes on where the one before ended, and ten webhooks are as many as there may be', () =>
    withWebhook(['EngagementLogged'], async (one, id) => {
      const all = await house.logged(5);
      await settle('all', () => one.told.length === 5);
      const seen: string[] = [];
      for (let cursor = ''; ;) {
        const path = `/${id}/deliveries?limit=2&state=taken&cursor=${cursor}`;
        await settle('they are settled', async () => (await house.deliveries(id)).every(({ state }) => state === 'taken'));
        const page = await house.call<{ deliveries: { event_id: string }[]; next_cursor: string | null }>('GET', path);
        seen.push(...page.deliveries.map(({ event_id }) => event_id));
        if (page.next_cursor === null) break;
        cursor = page.next_cursor;
      }
      expect(new Set(seen).size).toBe(all.length);
      expect(seen.sort()).toEqual(one.told.map(({ id: told }) => told).sort());
      const more = await Promise.all(Array.from({ length: 12 }, () => house.ask('POST', '', { url: one.url }, apiKey)));
      expect(more.filter(({ status }) => status === 201)).toHaveLength(9);
      expect(codeOf(more.find(({ status }) => status !== 201)!)).toEqual([409, 'WEBHOOKS_MANY']);
      for (const { json, status } of more) if (status === 201) await remove((json as { webhook_id: string }).webhook_id);
    }));
});
