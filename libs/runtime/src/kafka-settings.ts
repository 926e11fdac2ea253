// Where Kafka is, and how it is signed in to: in plain, over TLS, with SASL or with both.
import { Fault } from '@rejoinder/base/fault';
import type { KafkaLogOptions } from '@rejoinder/bus/kafka-log';
import { choiceSetting, optionalSetting, secretSetting, textSetting, type Values } from './config.js';
import { trusting } from './outside.js';

export const kafkaSettings = {
  kafkaBrokers: textSetting(
    'REJOINDER_KAFKA_BROKERS',
    'Kafka brokers, host:port joined by commas; unused with the local bus',
    '127.0.0.1:9092',
  ),
  kafkaTls: choiceSetting(
    'REJOINDER_KAFKA_TLS',
    'whether brokers are spoken to over TLS; their certificates are checked against their names',
    ['off', 'on'],
    'off',
  ),
  kafkaCaFile: optionalSetting('REJOINDER_KAFKA_CA_FILE', "certificates (PEM) that brokers' are trusted by beside the public ones"),
  kafkaSasl: choiceSetting(
    'REJOINDER_KAFKA_SASL',
    'how this house signs in to Kafka (SASL); plain asks for REJOINDER_KAFKA_TLS=on',
    ['none', 'plain', 'scram-sha-256', 'scram-sha-512'],
    'none',
  ),
  kafkaUser: optionalSetting('REJOINDER_KAFKA_USER', 'whom it signs in as, with REJOINDER_KAFKA_SASL'),
  kafkaPassword: secretSetting('REJOINDER_KAFKA_PASSWORD', 'the password of REJOINDER_KAFKA_USER', ''),
};

type Security = Pick<KafkaLogOptions, 'ssl' | 'sasl'>;

/** Refuses what does not go together, with what to set. */
export function kafkaSecurity(settings: Values<typeof kafkaSettings>): Security {
  const { kafkaTls, kafkaCaFile, kafkaSasl, kafkaUser, kafkaPassword } = settings;
  const refuse = (sentence: string) => new Fault('invalid', 'SETTINGS', sentence);
  const isOverTls = kafkaTls === 'on';
  if (kafkaCaFile && !isOverTls) throw refuse('REJOINDER_KAFKA_CA_FILE is of no use without REJOINDER_KAFKA_TLS=on.');
  const ssl = isOverTls && { secureContext: trusting({ file: kafkaCaFile, setting: kafkaSettings.kafkaCaFile.env }) };
  if (kafkaSasl === 'none') {
    if (kafkaUser) throw refuse('REJOINDER_KAFKA_USER is set, and REJOINDER_KAFKA_SASL does not say how to sign in.');
    return { ssl };
  }
  if (!kafkaUser || kafkaPassword.reveal() === '')
    throw refuse(`REJOINDER_KAFKA_SASL=${kafkaSasl} asks for REJOINDER_KAFKA_USER and REJOINDER_KAFKA_PASSWORD.`);
  if (kafkaSasl === 'plain' && !isOverTls)
    throw refuse('REJOINDER_KAFKA_SASL=plain says the password as it is: set REJOINDER_KAFKA_TLS=on, or choose scram-sha-512.');
  return { ssl, sasl: { mechanism: kafkaSasl, username: kafkaUser, password: kafkaPassword.reveal() } };
}
