// What health answers of several roles in one process.
import { expect, it } from 'vitest';
import { answerHealth, roleHealth } from './health.js';

const role = { role: 'timeline', started: true, ready: true, troubles: [] as string[] };

it('is ready while it can be asked, and says what keeps it from its work all the same', () => {
  const troubled = { ...role, troubles: ['the keyring does not answer'] };
  expect(answerHealth('/health/ready', [troubled])).toEqual({ status: 200, body: { roles: [troubled] } });
  expect(answerHealth('/health/ready', [role, { ...role, ready: false }])?.status).toBe(503);
});

it('has started once all have', () => {
  expect(answerHealth('/health/startup', [role, { ...role, started: false, ready: false }])?.status).toBe(503);
  expect(answerHealth('/health/startup', [role])?.status).toBe(200);
});

it('is ready from the first time that it is well until it drains', () => {
  const health = roleHealth('timeline');
  const well = { started: true, drains: false, troubles: [] };
  const troubled = { ...well, troubles: ['the keyring does not answer'] };
  const ready = [{ ...well, started: false }, troubled, well, troubled, { ...well, drains: true }].map((now) => health(now).ready);
  expect(ready).toEqual([false, false, true, true, false]);
});
