// Mistyped settings are named with the one that is meant; what the platform sets by itself is not.
import { expect, test } from 'vitest';
import { unknownSettings } from './unknown-settings.js';

const known = new Set([
  'REJOINDER_LOG_LEVEL',
  'REJOINDER_KAFKA_BROKERS',
  'REJOINDER_DATABASE_URL',
  'REJOINDER_GATEWAY_GRPC',
  'REJOINDER_BUS',
]);
const told = (env: Record<string, string>) => unknownSettings(env, known);

test.each([
  ['REJOINDER_LOGLEVEL', 'REJOINDER_LOG_LEVEL'],
  ['REJOINDER_KAFKA_BROKER', 'REJOINDER_KAFKA_BROKERS'],
  ['REJOINDER_DATABSE_URL', 'REJOINDER_DATABASE_URL'],
])('%s is named, and %s is meant; the value is not told', (name, meant) => {
  expect(told({ [name]: 'planted' })).toEqual([`There is no setting ${name}: it does nothing. Is ${meant} meant?`]);
});

test('one that is near to none is named too', () => {
  expect(told({ REJOINDER_TURBO: '1', REJOINDER_: '' })).toEqual([
    'There is no setting REJOINDER_: it does nothing. See rejoinder settings.',
    'There is no setting REJOINDER_TURBO: it does nothing. See rejoinder settings.',
  ]);
});

test('settings that there are, of other programs, and what Kubernetes sets for Services are not named', () => {
  const service = {
    REJOINDER_GATEWAY_SERVICE_HOST: '10.96.0.7',
    REJOINDER_GATEWAY_SERVICE_PORT: '7420',
    REJOINDER_GATEWAY_SERVICE_PORT_HTTP: '7420',
    REJOINDER_GATEWAY_PORT: 'tcp://10.96.0.7:7420',
    REJOINDER_GATEWAY_PORT_7420_TCP: 'tcp://10.96.0.7:7420',
    REJOINDER_GATEWAY_PORT_7420_TCP_PROTO: 'tcp',
    REJOINDER_GATEWAY_PORT_7420_TCP_PORT: '7420',
    REJOINDER_GATEWAY_PORT_7420_TCP_ADDR: '10.96.0.7',
    REJOINDER_PORT: 'tcp://10.96.0.8:7420',
  };
  expect(told({ ...service, REJOINDER_BUS: 'local', LOGLEVEL: 'x', PATH: '/bin' })).toEqual([]);
});

test('a port that no Service has is a mistyped setting', () => {
  expect(told({ REJOINDER_HTTP_PORT: '7420' })).toHaveLength(1);
});

test('twenty are named at the most, and none at length', () => {
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`REJOINDER_${'X'.repeat(10_000)}${index}`, '']));
  const sentences = told(many);
  expect(sentences).toHaveLength(20);
  expect(Math.max(...sentences.map(({ length }) => length))).toBeLessThan(200);
});
