// Settings: every wrong one is named at once, secrets are never shown.
import { describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import {
  choiceSetting,
  grpcAddress,
  hostAndPort,
  numberSetting,
  optionalSetting,
  postgresUrl,
  readSettings,
  secretSetting,
  textSetting,
} from './config.js';

const settings = {
  url: secretSetting('APP_URL', 'where the database is'),
  port: numberSetting('APP_PORT', 'where it listens', { default: 80, min: 1, max: 65_535 }),
  bus: choiceSetting('APP_BUS', 'where events travel', ['kafka', 'local'], 'kafka'),
  name: textSetting('APP_NAME', 'what it is called'),
  trace: optionalSetting('APP_TRACE', 'where traces go'),
};

describe('reading settings', () => {
  it('takes what is given and defaults for the rest', () => {
    const values = readSettings(settings, { APP_URL: 'postgres://secret', APP_NAME: 'x', APP_PORT: '8080' });
    expect({ ...values, url: values.url.reveal() }).toEqual({
      url: 'postgres://secret',
      port: 8080,
      bus: 'kafka',
      name: 'x',
      trace: undefined,
    });
  });

  it('names every wrong one at once, with its meaning', () => {
    const error = thrown(() => readSettings(settings, { APP_PORT: 'eighty', APP_BUS: 'pigeon' }));
    expect(error).toBeInstanceOf(Fault);
    for (const part of [
      'APP_URL must be set',
      'APP_PORT must be a whole number from 1 to 65535, not "eighty"',
      'APP_BUS must be one of kafka, local',
      'APP_NAME must be set (what it is called)',
    ]) {
      expect(error.message).toContain(part);
    }
  });

  it('shows no secret, neither in a refusal nor when printed', () => {
    const values = readSettings(settings, { APP_URL: 'postgres://hunter2', APP_NAME: 'x' });
    expect(`${JSON.stringify(values)} ${String(values.url)}`).not.toContain('hunter2');
  });

  it.each(['0', '65536', '1.5', 'NaN', '-1', '1e9'])('refuses %s as a port', (port) => {
    expect(() => readSettings({ port: settings.port }, { APP_PORT: port })).toThrow(/APP_PORT/);
  });
});

it('what must have a form is refused without it, and told which; a secret is not shown', () => {
  const formed = {
    url: secretSetting('APP_URL', 'its database', undefined, postgresUrl),
    grpc: textSetting('APP_GRPC', 'where it answers', '0.0.0.0:50051', grpcAddress),
    health: optionalSetting('APP_HEALTH', 'where health is told', hostAndPort),
  };
  const { message } = thrown(() => readSettings(formed, { APP_URL: 'mysql://hunter2', APP_GRPC: 'foo', APP_HEALTH: 'bar' }));
  for (const part of [
    'APP_URL must be postgres://',
    'APP_GRPC must be host:port or unix:path, not "foo"',
    'APP_HEALTH must be host:port, not "bar"',
  ])
    expect(message).toContain(part);
  expect(message).not.toContain('hunter2');
  const right = readSettings(formed, { APP_URL: 'postgresql://x/y', APP_GRPC: 'unix:/tmp/s' });
  expect([right.grpc, right.health]).toEqual(['unix:/tmp/s', undefined]);
  expect(readSettings(formed, { APP_URL: 'postgres://x/y', APP_HEALTH: '[::1]:80' }).health).toBe('[::1]:80');
});

function thrown(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
