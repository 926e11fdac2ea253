// When a host is left alone, and when it is asked again.
import { expect, test } from 'vitest';
import type { Fault } from '@rejoinder/base/fault';
import { faultOf, type ErrorCode } from '@rejoinder/contracts/catalogue';
import { HostBrake } from './host-brake.js';

function brake() {
  let now = 0;
  let asked = 0;
  const one = new HostBrake(
    ['UNAVAILABLE'],
    () => now,
    () => 0,
  );
  return {
    pass: (ms: number) => (now += ms),
    asked: () => asked,
    login: (inboxId: string, answer: ErrorCode | undefined, host = 'imap.example.test') =>
      one
        .through(host, inboxId, () => {
          asked++;
          return answer ? Promise.reject(faultOf(answer)) : Promise.resolve('live');
        })
        .catch((fault: Fault) => [fault.code, fault.retryAfterMs]),
  };
}

test('three inboxes turned away stop the others, until one gets through', async () => {
  const host = brake();
  for (const inbox of ['a', 'b', 'c']) await host.login(inbox, 'UNAVAILABLE');
  expect(await host.login('d', undefined)).toEqual(['UNAVAILABLE', 2_000]);
  expect(host.asked()).toBe(3);
  expect(await host.login('d', undefined, 'imap.other.test')).toBe('live');
  host.pass(2_000);
  // One tries it for all.
  const [first, second] = [host.login('d', 'UNAVAILABLE'), host.login('e', undefined)];
  expect([await first, await second]).toEqual([
    ['UNAVAILABLE', undefined],
    ['UNAVAILABLE', 60_000],
  ]);
  expect(await host.login('e', undefined)).toEqual(['UNAVAILABLE', 4_000]);
  host.pass(4_000);
  expect(await host.login('e', undefined)).toBe('live');
  expect(await host.login('f', undefined)).toBe('live');
});

test('one inbox alone, and refused passwords, stop nobody', async () => {
  const host = brake();
  for (let n = 0; n < 9; n++) await host.login('a', 'TOO_MANY_CONNECTIONS');
  for (const inbox of ['b', 'c', 'd']) await host.login(inbox, 'TOO_MANY_CONNECTIONS');
  for (const inbox of ['b', 'c', 'd']) await host.login(inbox, 'AUTH_REJECTED');
  expect(await host.login('e', undefined)).toBe('live');
});

test('a refused password proves that the host is back', async () => {
  const host = brake();
  for (const inbox of ['a', 'b', 'c']) await host.login(inbox, 'UNAVAILABLE');
  host.pass(2_000);
  expect(await host.login('d', 'AUTH_REJECTED')).toEqual(['AUTH_REJECTED', undefined]);
  expect(await host.login('e', undefined)).toBe('live');
});
