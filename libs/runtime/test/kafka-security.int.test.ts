// Kafka that lets nobody in but who signs in over TLS, as others run it: what is set, and what is said where it is wrong.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { KafkaLog } from '@rejoinder/bus/kafka-log';
import { readSettings, type Environment } from '@rejoinder/runtime/config';
import { kafkaSecurity, kafkaSettings } from '@rejoinder/runtime/kafka-settings';
import { createTestCa, type TestCa } from '@rejoinder/testing/certificates';
import { startKafka, type Kafka } from '@rejoinder/testing/kafka';
import { freePorts } from '@rejoinder/testing/ports';

const password = 'the password of Kafka';
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const folder = mkdtempSync(join(tmpdir(), 'rejoinder-kafka-security-'));
const caFile = join(folder, 'ca.pem');
let ca: TestCa;
let kafka: Kafka;
let securePort: number;

beforeAll(async () => {
  ca = await createTestCa();
  writeFileSync(caFile, ca.pem);
  const { cert, key } = await ca.issue(['localhost']);
  const [plain, controller, secure] = (await freePorts(3)) as [number, number, number];
  securePort = secure;
  const oneLine = (pem: string) => pem.trim().replaceAll('\n', '\\n');
  const listener = 'listener.name.secure';
  kafka = await startKafka({
    port: plain,
    settings: {
      listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},SECURE://127.0.0.1:${secure}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${plain},SECURE://localhost:${secure}`,
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
      [`${listener}.ssl.keystore.type`]: 'PEM',
      [`${listener}.ssl.keystore.certificate.chain`]: oneLine(cert),
      [`${listener}.ssl.keystore.key`]: oneLine(key),
      [`${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-512',
      [`${listener}.plain.sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required user_rejoinder="${password}";`,
      [`${listener}.scram-sha-512.sasl.jaas.config`]: 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    },
  });
  await kafka.command('kafka.admin.ConfigCommand', [
    ...['--bootstrap-server', `127.0.0.1:${plain}`, '--alter', '--entity-type', 'users', '--entity-name', 'rejoinder'],
    ...['--add-config', `SCRAM-SHA-512=[password=${password}]`],
  ]);
}, 120_000);

afterAll(async () => {
  await kafka?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const env = (more: Environment): Environment => ({
  REJOINDER_KAFKA_BROKERS: `localhost:${securePort}`,
  REJOINDER_KAFKA_TLS: 'on',
  REJOINDER_KAFKA_CA_FILE: caFile,
  REJOINDER_KAFKA_SASL: 'scram-sha-512',
  REJOINDER_KAFKA_USER: 'rejoinder',
  REJOINDER_KAFKA_PASSWORD: password,
  ...more,
});

function open(more: Environment = {}): KafkaLog {
  const settings = readSettings(kafkaSettings, env(more));
  return new KafkaLog({ brokers: settings.kafkaBrokers.split(','), ...kafkaSecurity(settings), clientId: 'test', logger: quiet });
}

describe('Kafka over TLS, with SASL', () => {
  it.each(['plain', 'scram-sha-512'])(
    'is signed in to with %s, written to and read',
    async (mechanism) => {
      const log = open({ REJOINDER_KAFKA_SASL: mechanism });
      await log.ensureTopics();
      const id = newId();
      await log.publish([
        {
          ...{ topic: 'rejoinder.sync.v1', key: newId(), type: 'MailCaptured', id, tenantId: newId(), source: '/rejoinder/sync' },
          ...{ time: new Date(), sequence: 1n, historical: false, value: new Uint8Array() },
        },
      ]);
      const seen = await new Promise<string>((resolve) => {
        void log.consume({
          group: `group-${id}`,
          topics: ['rejoinder.sync.v1'],
          handle: async (batch) => batch.forEach((event) => event.id === id && resolve(event.id)),
        });
      });
      expect(seen).toBe(id);
      await log.close();
    },
    60_000,
  );

  it('says that the password is wrong, and does not show it', async () => {
    const error: Error = await open({ REJOINDER_KAFKA_PASSWORD: 's3cr3t' })
      .ensureTopics()
      .then(
        () => new Error('it was let in'),
        (refusal: Error) => refusal,
      );
    expect(error).toMatchObject({ kind: 'invalid', code: 'KAFKA_REFUSES' });
    expect(error.message).toMatch(/refuses this login: see REJOINDER_KAFKA_USER and REJOINDER_KAFKA_PASSWORD\.$/);
    expect(error.message).not.toContain('s3cr3t');
  }, 60_000);

  it('is not spoken to if its certificate is of nobody who is trusted, or of another name', async () => {
    for (const more of [{ REJOINDER_KAFKA_CA_FILE: undefined }, { REJOINDER_KAFKA_BROKERS: `127.0.0.1:${securePort}` }])
      await expect(open(more).ensureTopics()).rejects.toMatchObject({ kind: 'busy', code: 'KAFKA_UNREACHABLE' });
  }, 60_000);

  it.each<[string, Environment, RegExp]>([
    ['no password', { REJOINDER_KAFKA_PASSWORD: undefined }, /asks for REJOINDER_KAFKA_USER and REJOINDER_KAFKA_PASSWORD/],
    [
      'a password said in the open',
      { REJOINDER_KAFKA_SASL: 'plain', REJOINDER_KAFKA_TLS: 'off', REJOINDER_KAFKA_CA_FILE: undefined },
      /TLS=on/,
    ],
    ['a user and no way to sign in', { REJOINDER_KAFKA_SASL: 'none' }, /does not say how to sign in/],
    ['an authority and no TLS', { REJOINDER_KAFKA_TLS: 'off' }, /of no use without/],
    ['no such file', { REJOINDER_KAFKA_CA_FILE: '/nowhere' }, /cannot be read/],
  ])('refuses %s', (_, more, said) => expect(() => open(more)).toThrow(said));
});
