// Events from the log to open streams: at once, whole, in order, and to their own tenant alone.
import { connect } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { InboxConnectedSchema } from '@rejoinder/contracts/events/connections';
import { EngagementLoggedSchema } from '@rejoinder/contracts/events/timeline';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { MailKind } from '@rejoinder/contracts/mail';
import { Database } from '@rejoinder/runtime/database';
import { settle } from '@rejoinder/testing/settle';
import { addToFeed } from '../src/feed/feed-store.js';
import { Feed } from '../src/feed/feed.js';
import type { Tx } from '../src/people/tenant-store.js';
import { openStream, type EventStream } from './event-stream.js';
import { apiKey, startGateway, startSecondPod, type Gateway } from './gateway-house.js';

let gateway: Gateway;
const streams: EventStream[] = [];

const open = async (lastEventId?: number, key = apiKey, port = gateway.port) => {
  const stream = await openStream(port, key, lastEventId);
  streams.push(stream);
  return stream;
};
/** Open, and told where it starts. */
const opened = async (...of: Parameters<typeof open>) => {
  const stream = await open(...of);
  await settle('the start of the stream', () => stream.lastId >= 0);
  return stream;
};
const engagement = (engagementId = newId()) => ({
  engagementId,
  contactId: newId(),
  mailId: newId(),
  threadId: newId(),
  direction: 'in',
  textReady: true,
});
const log = (tenantId: string, message = engagement()) =>
  gateway.house.publish('rejoinder.timeline.v1', EngagementLoggedSchema, message.contactId, message, 1n, tenantId);

const inFeed = (engagementId: string) => {
  const sql = `select 1 from gateway.feed where facts->>'engagement_id' = $1`;
  return settle('it is in the feed', async () => (await gateway.house.query(sql, [engagementId])).length);
};

beforeAll(async () => {
  gateway = await startGateway({ REJOINDER_EVENTS_SLOW_SECONDS: '1' });
  // The first tenant's own event is the first of the feed.
  await settle('TenantCreated', async () => (await gateway.house.query('select 1 from gateway.feed')).length);
});
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
});
afterAll(() => gateway?.stop());

describe('an event on the log', () => {
  test('reaches an open stream within milliseconds', async () => {
    const stream = await opened();
    expect(stream.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const took: number[] = [];
    for (let round = 0; round < 50; round++) {
      const message = engagement();
      const began = performance.now();
      await log(gateway.tenantId, message);
      const seen = await settle('the event', () => stream.events.find(({ data }) => data.engagement_id === message.engagementId));
      took.push(seen.at - began);
    }
    took.sort((a, b) => a - b);
    const [median, worst] = [took[25]!, took.at(-1)!];
    process.stdout.write(`log to open stream: median ${median.toFixed(1)} ms, worst of 50 ${worst.toFixed(1)} ms\n`);
    expect(median).toBeLessThan(100);
  });

  test('is told by its ids and states, and by nothing personal', async () => {
    const stream = await opened();
    const inboxId = newId();
    const connected = { inboxId, address: 'secret@example.com', displayName: 'Secret', settings: { logFolder: 'Secret' } };
    await gateway.house.publish('rejoinder.connections.v1', InboxConnectedSchema, inboxId, connected, 1n, gateway.tenantId);
    const captured = {
      inboxId,
      mailId: newId(),
      subject: 'Secret',
      from: { address: 'secret@example.com' },
      kind: MailKind.AUTO_REPLY,
      sizeBytes: 12n,
      messageId: 'secret@example.com',
      attachments: [{ fileName: 'secret.pdf' }],
      receivedAt: { seconds: 1_700_000_000n, nanos: 0 },
    };
    await gateway.house.publish('rejoinder.sync.v1', MailCapturedSchema, inboxId, captured, 1n, gateway.tenantId);
    await settle('both', () => stream.events.length === 2);
    const of = (type: string) => stream.events.find((event) => event.type === type)!;
    expect(of('InboxConnected').data).toEqual({
      seq: expect.any(Number),
      type: 'InboxConnected',
      time: expect.any(String),
      inbox_id: inboxId,
    });
    expect(of('MailCaptured').data).toMatchObject({
      mail_id: captured.mailId,
      kind: 'auto_reply',
      size_bytes: 12,
      received_at: '2023-11-14T22:13:20.000Z',
    });
    expect(of('MailCaptured').data.seq).toBe(of('MailCaptured').id);
    const kept = await gateway.house.query(`select facts::text from gateway.feed where facts::text ilike '%secret%'`);
    expect([JSON.stringify(stream.events).includes('ecret'), kept]).toEqual([false, []]);
  });

  test('comes once, however often the log brings it', async () => {
    const stream = await opened();
    const [contactId, id] = [newId(), newId()];
    const value = toBinary(EngagementLoggedSchema, create(EngagementLoggedSchema, { ...engagement(), contactId }));
    const common = { topic: 'rejoinder.timeline.v1', type: 'EngagementLogged', source: '/test', tenantId: gateway.tenantId } as const;
    const event = { ...common, key: contactId, id, time: new Date(), sequence: 1n, historical: false, value };
    await gateway.house.house.eventLog.publish([event, event]);
    await gateway.house.house.eventLog.publish([event]);
    const last = engagement();
    await log(gateway.tenantId, { ...last, contactId });
    await settle('the last', () => stream.events.some(({ data }) => data.engagement_id === last.engagementId));
    expect(stream.events).toHaveLength(2);
  });

  test('is seen by its own tenant alone', async () => {
    const [mine, theirs] = [await opened(), await opened(undefined, gateway.other.key)];
    const [forMe, forThem] = [engagement(), engagement()];
    await log(gateway.other.tenantId, forThem);
    await log(gateway.tenantId, forMe);
    await settle('each their own', () => mine.events.length > 0 && theirs.events.length > 0);
    const resumed = await opened(0, gateway.other.key);
    await settle('what they had', () => resumed.events.length > 0);
    const ids = (stream: EventStream) => stream.events.map(({ data }) => data.engagement_id);
    expect([ids(mine), ids(theirs), ids(resumed)]).toEqual([[forMe.engagementId], [forThem.engagementId], [forThem.engagementId]]);
  });
});

describe('a reader who comes back', () => {
  test('gets what came meanwhile, without gap or double, though many write at once', async () => {
    const total = 600;
    const first = await opened();
    const from = first.lastId;
    const messages = Array.from({ length: total }, () => engagement());
    const writing = Promise.all(messages.map((message) => log(gateway.tenantId, message)));
    const seen: number[] = [];
    let stream = first;
    for (let round = 0; seen.length < total; round++) {
      await settle('some more', () => stream.events.length > 0 && stream.events.length + seen.length >= Math.min(total, (round + 1) * 60));
      stream.close();
      await settle('its end', () => stream.response.closed);
      seen.push(...stream.events.map(({ id }) => id));
      if (seen.length < total) stream = await open(seen.at(-1));
    }
    await writing;
    const rows = await gateway.house.query<{ seq: string }>('select seq from gateway.feed where tenant_id = $1 and seq > $2 order by seq', [
      gateway.tenantId,
      from,
    ]);
    expect(rows).toHaveLength(total);
    expect(seen).toEqual(rows.map(({ seq }) => Number(seq)));
  });

  test('misses no row of a writer that commits late: the next writer waits for it', async () => {
    const stream = await opened();
    const { app } = gateway.house.roles[0]!;
    const [database, feed] = [app.get<Database<Tx>>(Database), app.get(Feed)];
    let commit = () => {};
    const held = new Promise<void>((resolve) => (commit = resolve));
    const write = async (type: string, before: Promise<void> | undefined) => {
      const row = { tenantId: gateway.tenantId, eventId: newId(), type, facts: { time: new Date().toISOString() } };
      const rows = await database.write({ tenants: [gateway.tenantId] }, async (tx) => {
        const added = await addToFeed(tx, new Date(), [row]);
        await before;
        return added;
      });
      feed.added(rows);
    };
    const locks = (granted: boolean) =>
      gateway.house.query(`select 1 from pg_locks where locktype = 'advisory' and granted = $1`, [granted]);
    const late = write('Late', held);
    await settle('the late one has its seq', async () => (await locks(true)).length);
    const next = write('Next', undefined);
    const waits = settle('the next one waits', async () => (await locks(false)).length && 'waits');
    expect(await Promise.race([waits, next.then(() => 'goes ahead')])).toBe('waits');
    commit();
    await Promise.all([late, next]);
    await settle('both', () => stream.events.length === 2);
    expect(stream.events.map(({ type }) => type)).toEqual(['Late', 'Next']);
  });

  test('resumes from where it was told, even if it saw no event', async () => {
    const before = await opened();
    before.close();
    const message = engagement();
    await log(gateway.tenantId, message);
    await inFeed(message.engagementId);
    const after = await opened(before.lastId);
    await settle('it', () => after.events.some(({ data }) => data.engagement_id === message.engagementId));
  });

  test('is told when it was away for too long, or comes from another feed', async () => {
    const message = engagement();
    await log(gateway.tenantId, message);
    await inFeed(message.engagementId);
    const ahead = await opened(999_999_999);
    await settle('the word', () => ahead.events.length > 0);
    expect(ahead.events.map(({ type }) => type)).toEqual(['EventsMissed']);
    const { seq } = (await gateway.house.query<{ seq: string }>('select max(seq) as seq from gateway.feed'))[0]!;
    await gateway.house.query('delete from gateway.feed where seq < $1', [seq]);
    const other = await startSecondPod(gateway);
    try {
      const late = await opened(Number(seq) - 2, apiKey, other.port);
      await settle('both', () => late.events.length === 2);
      expect(late.events.map(({ type }) => type)).toEqual(['EventsMissed', 'EngagementLogged']);
    } finally {
      await other.stop();
    }
  });

  test('must name an event', async () => {
    const { status, json } = await gateway.call('GET', '/v1/events', {
      headers: { authorization: `Bearer ${apiKey}`, 'last-event-id': 'x' },
    });
    expect([status, (json as { detail: string }).detail]).toEqual([400, 'Last-Event-ID: must be the id of an event']);
  });
});

test('another pod sees every event, and makes no second first tenant', async () => {
  const other = await startSecondPod(gateway);
  try {
    const [here, there] = [await opened(), await opened(undefined, apiKey, other.port)];
    const took: number[] = [];
    for (let round = 0; round < 20; round++) {
      const message = engagement();
      const began = performance.now();
      await log(gateway.tenantId, message);
      const of = (stream: EventStream) => stream.events.find(({ data }) => data.engagement_id === message.engagementId);
      await settle('it on both', () => of(here) && of(there));
      took.push(Math.max(of(here)!.at, of(there)!.at) - began);
    }
    took.sort((a, b) => a - b);
    process.stdout.write(`log to streams of two pods: median ${took[10]!.toFixed(1)} ms, worst of 20 ${took.at(-1)!.toFixed(1)} ms\n`);
    expect([here.events.length, there.events.length]).toEqual([20, 20]);
    const tenants = await gateway.house.query(`select 1 from gateway.tenant where name = 'Default'`);
    expect(tenants).toHaveLength(1);
  } finally {
    await other.stop();
  }
});

test('a reader that takes nothing is cut, and holds nobody else up', async () => {
  const quick = await opened();
  const from = quick.lastId;
  const slow = connect(gateway.port, '127.0.0.1');
  let cut = false;
  slow.on('close', () => (cut = true)).on('error', () => (cut = true));
  slow.write(`GET /v1/events HTTP/1.1\r\nHost: ${gateway.host}\r\nAuthorization: Bearer ${apiKey}\r\nLast-Event-ID: ${from}\r\n\r\n`);
  slow.pause();
  // Under the lock that every writer of the feed takes: without it rows below a seq that was read would come up later.
  const filler = `with lock as materialized (select pg_advisory_xact_lock(hashtextextended('rejoinder gateway feed', 0)))
    insert into gateway.feed (tenant_id, event_id, came_at, type, facts)
    select $1, gen_random_uuid(), now(), 'Filler', jsonb_build_object('time', now(), 'fill', repeat('x', 4000)) from lock, generate_series(1, 4000)`;
  await gateway.house.query(filler, [gateway.tenantId]);
  const last = engagement();
  await log(gateway.tenantId, last);
  await settle('the quick one has all', () => quick.events.some(({ data }) => data.engagement_id === last.engagementId));
  expect(quick.events.filter(({ type }) => type === 'Filler')).toHaveLength(4_000);
  const began = performance.now();
  // A socket that is not read does not hear of its end: what was on its way is taken now, and no more follows.
  await settle('the cut', () => listeners().then((open) => open === 1));
  process.stdout.write(`slow reader cut after ${Math.round(performance.now() - began)} ms more\n`);
  slow.resume();
  await settle('the end', () => cut);
});

/** Connections to the gateway that are open. */
function listeners(): Promise<number> {
  const server = gateway.house.roles[0]!.app.getHttpServer() as {
    getConnections(done: (error: Error | null, count: number) => void): void;
  };
  return new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
}

test('a stream says that it lives', { timeout: 30_000 }, async () => {
  const stream = await opened();
  await settle('a comment', () => stream.comments.length > 0, { timeoutMs: 17_000 });
  expect(stream.comments).toEqual([': still here']);
});

test('a stop ends open streams at once', async () => {
  const other = await startSecondPod(gateway);
  const stream = await opened(undefined, apiKey, other.port);
  const began = performance.now();
  await other.stop();
  await settle('its end', () => stream.response.closed);
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('a database that is away breaks no stream: it goes on once it is back', { timeout: 60_000 }, async () => {
  const stream = await opened();
  await gateway.house.postgres.down();
  const answer = await gateway.call('GET', '/v1/session');
  expect([answer.status, (answer.json as { code: string }).code]).toEqual([503, 'PART_AWAY']);
  await gateway.house.postgres.up();
  const message = engagement();
  await settle('the log takes it', () => log(gateway.tenantId, message).then(() => true));
  await settle('it', () => stream.events.some(({ data }) => data.engagement_id === message.engagementId));
});
