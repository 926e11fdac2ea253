// What an operator does at the command line when an event could not be handled: see it, replay it, republish, skip what is lost. Needs a build.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka as KafkaJs, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { role as attachment } from '@rejoinder/attachment/role';
import { newId } from '@rejoinder/base/id';
import { partitionOn } from '@rejoinder/bus/partition';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { startKafka, type Kafka } from '@rejoinder/testing/kafka';
import { freePort } from '@rejoinder/testing/ports';
import { settle } from '@rejoinder/testing/settle';
import { rejoinder } from './command.js';

const topic = 'rejoinder.sync.v1';
const folder = mkdtempSync(join(tmpdir(), 'rejoinder-operator-'));
const disk = { REJOINDER_STORE: 'disk', REJOINDER_STORE_FOLDER: folder };
let house: TestHouse;

const command = (...args: string[]) => rejoinder(args, house.env);
const records = async (attachmentId: string) =>
  (await house.query('select 1 from attachment.attachment where attachment_id = $1', [attachmentId])).length;

/** Of one inbox, so that they lie in one partition. Answers the attachment's id. */
async function capture(inboxId: string, fileName = 'plan.pdf'): Promise<string> {
  const attachmentId = newId();
  const attachments = [{ attachmentId, fileName, contentType: 'application/pdf', sizeBytes: 10n }];
  await house.publish(topic, MailCapturedSchema, inboxId, { inboxId, mailId: newId(), subject: 'The secret plan', attachments });
  return attachmentId;
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('with the local log', () => {
  beforeAll(async () => {
    house = await startTestHouse({ roles: [attachment], env: disk, logLevel: 'silent' });
    expect((await command('migrate')).code).toBe(0);
  }, 120_000);
  afterAll(() => house?.stop());

  it('shows what could not be handled by event and reason, never its content, and replays it once that is mended', async () => {
    await house.query('alter table attachment.attachment rename to away');
    const inboxId = newId();
    const ids = [await capture(inboxId, 'secret.pdf'), await capture(inboxId, 'secret.pdf')];
    await settle('both to be dead', async () => (await house.query('select 1 from attachment.dead_letter')).length === 2, {
      timeoutMs: 60_000,
    });
    const listed = await command('dead-letters');
    expect([listed.code, listed.err]).toEqual([0, '']);
    expect(listed.out).toMatch(/^attachment +2 +\S+Z +MailCaptured +rejoinder\.sync\.v1 +handler threw/m);
    expect(listed.out).toContain('rejoinder dead-letters replay attachment');
    const json = await command('dead-letters', 'attachment', '--json');
    expect(JSON.parse(json.out)).toEqual({
      waiting: [
        {
          service: 'attachment',
          topic,
          type: 'MailCaptured',
          count: 2,
          reason: expect.any(String),
          oldest: expect.any(String),
          newest: expect.any(String),
        },
      ],
    });
    expect(`${listed.out}${json.out}`).not.toMatch(/secret/);

    const inVain = await command('dead-letters', 'replay', 'attachment', '--limit', '1');
    expect(inVain.code).toBe(2);
    expect(inVain.out).toMatch(/^ +1 +still dead +MailCaptured of rejoinder\.sync\.v1: handler threw/);

    await house.query('alter table attachment.away rename to attachment');
    const one = await command('dead-letters', 'replay', 'attachment', '--limit', '1');
    expect([one.code, one.out, one.err]).toEqual([0, `     1  handled       MailCaptured of ${topic}\n`, '']);
    expect(await Promise.all(ids.map(records))).toEqual([1, 0]);
    expect((await command('dead-letters', 'replay', 'attachment')).code).toBe(0);
    expect(await Promise.all(ids.map(records))).toEqual([1, 1]);
    expect((await command('dead-letters')).out).toBe('No dead letter waits.\n');
    expect((await command('dead-letters', 'replay', 'attachment')).out).toBe('No dead letter of attachment waits.\n');
  }, 180_000);

  it('records that are none of ours stay dead with their reason, however many they are', async () => {
    await house.query(
      `insert into attachment.dead_letter (dead_letter_id, died_at, tenant_id, topic, partition, "offset", key, type, reason, headers, sealed_value)
      select gen_random_uuid(), now(), $1, $2, n % 3, n / 3, '', E'Mail\\x1b[2J', 'malformed: no value', '{}', '' from generate_series(1, 1100) as n`,
      [newId(), topic],
    );
    const { code, out } = await command('dead-letters', 'replay', 'attachment');
    expect((await command('dead-letters')).out).toContain('Mail?[2J');
    expect([code, out]).toEqual([2, `  1100  still dead    Mail?[2J of ${topic}: A malformed record cannot be replayed.\n`]);
    await house.query('delete from attachment.dead_letter');
  }, 60_000);

  it('puts what a service has said since a time on the wire again, and says how far back it can', async () => {
    const eventId = newId();
    const onTheWire = async () => (await house.query(`select 1 from bus.log where headers->>'ce_id' = $1`, [eventId])).length;
    await house.query(
      `insert into attachment.outbox (written_at, tenant_id, event_id, topic, key, type, sequence, historical, value)
      values (now(), $1, $2, 'rejoinder.attachment.v1', 'k', 'AttachmentStored', 0, false, '')`,
      [house.tenantId, eventId],
    );
    await settle('it to be said', async () => (await onTheWire()) === 1);
    await settle(
      'it to be marked',
      async () => (await house.query('select 1 from attachment.outbox where placed_at is null')).length === 0,
    );
    const before = await command('republish', 'attachment', '--since', '2026-01-01');
    expect(before.out).toMatch(/^Events of attachment that go on the wire again, while it runs: 1\. The outbox begins at /);
    await settle('it to be said again', async () => (await onTheWire()) === 2);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    expect((await command('republish', 'attachment', '--since', tomorrow)).err).toContain('that is still to come');
    for (const wrong of ['yesterday', '2026-11-24T03:00', '2026-13-01']) {
      const { code, err } = await command('republish', 'attachment', '--since', wrong);
      expect([wrong, code, err.includes('2026-11-24T03:00Z with its zone')]).toEqual([wrong, 1, true]);
    }
  }, 120_000);

  it('lets a service go on that has lost its place, and says whose events to republish', async () => {
    await losesItsPlace(async (partition) => {
      const end = 'select max("offset") from bus.log where topic = $1 and partition = $2';
      await house.query(`delete from bus.log where topic = $1 and partition = $2 and "offset" < (${end})`, [topic, partition]);
    });
  }, 120_000);
});

describe('with Kafka', () => {
  let kafka: Kafka;
  beforeAll(async () => {
    kafka = await startKafka();
    const env = { ...disk, REJOINDER_BUS: 'kafka', REJOINDER_KAFKA_BROKERS: kafka.brokers.join(',') };
    house = await startTestHouse({ roles: [attachment], env, logLevel: 'silent' });
  }, 240_000);
  afterAll(async () => {
    await house?.stop();
    await kafka?.stop();
  });

  it('lets a service go on that has lost its place, and says whose events to republish', async () => {
    await losesItsPlace(async (partition) => {
      const admin = new KafkaJs({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      const end = (await admin.fetchTopicOffsets(topic)).find((one) => one.partition === partition)!.high;
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(BigInt(end) - 1n) }] });
      await admin.disconnect();
    });
  }, 180_000);

  it('says in a sentence that no broker answers', async () => {
    const broker = `127.0.0.1:${await freePort()}`;
    const { code, err } = await rejoinder(['skip-lost', 'attachment'], { ...house.env, REJOINDER_KAFKA_BROKERS: broker });
    expect([code, err.trim().split('\n').length]).toEqual([1, 1]);
    expect(err).toContain(`Kafka cannot be reached at ${broker}`);
  }, 60_000);
});

/** The service is away while events leave the log that it has not read. */
async function losesItsPlace(dropAllButLast: (partition: number) => Promise<void>): Promise<void> {
  const inboxId = newId();
  const partition = partitionOn(topic, inboxId);
  const taken = await capture(inboxId);
  await settle('the first to be taken', async () => (await records(taken)) === 1);
  expect((await command('skip-lost', 'attachment')).out).toBe('attachment has lost no place in the log: nothing is changed.\n');
  await Promise.all(house.roles.map((role) => role.stop()));
  const [missed, kept] = [await capture(inboxId), await capture(inboxId)];
  await dropAllButLast(partition);
  await house.reopen();
  const troubles = () => house.roles.flatMap((role) => role.health().troubles).join();
  await settle('the alarm', () => troubles().includes('has left the log'));
  const { code, out } = await command('skip-lost', 'attachment');
  expect(code).toBe(0);
  expect(out).toContain(`  ${topic}/${partition}\n`);
  expect(out).toContain('  rejoinder republish sync --since');
  await house.reopen();
  await settle('what is still there', async () => (await records(kept)) === 1);
  expect(await records(missed)).toBe(0);
  expect(troubles()).not.toContain('has left the log');
}
