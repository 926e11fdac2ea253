// Settings: every wrong one is named at once, secrets are never shown.
import { describe, expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { choiceSetting, numberSetting, optionalSetting, readSettings, secretSetting, textSetting } from './config.js';

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

function thrown(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
