// What a start waits for, and what ends it.
import { expect, it } from 'vitest';
import { Fault } from '@rejoinder/base/fault';
import { createLogger } from './logging.js';
import { patiently } from './main.js';

const logger = createLogger('silent');
const away = () => new Fault('busy', 'KAFKA_UNREACHABLE', 'Kafka cannot be reached.');

it('waits for what may come to be by itself, and starts once', async () => {
  const errors = [away(), Object.assign(new Error('no'), { code: 'ECONNREFUSED' })];
  const start = async () => {
    const error = errors.shift();
    if (error) throw error;
    return 'started';
  };
  expect(await patiently(start, logger, 60_000)).toBe('started');
  expect(errors).toEqual([]);
});

it('ends at once with what does not pass, and with the reason once the time is over', async () => {
  let tries = 0;
  const starts = (error: Error) => () => (tries++, Promise.reject(error));
  await expect(patiently(starts(new Fault('invalid', 'SETTINGS', 'Set it.')), logger, 60_000)).rejects.toThrow('Set it.');
  await expect(patiently(starts(new Error('a bug')), logger, 60_000)).rejects.toThrow('a bug');
  expect(tries).toBe(2);
  await expect(patiently(starts(away()), logger, 100)).rejects.toThrow('Kafka cannot be reached.');
  expect(tries).toBe(3);
});
