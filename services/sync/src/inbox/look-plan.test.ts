// Folders have their turns.
import { expect, test } from 'vitest';
import { LookPlan } from './look-plan.js';

const paths = ['INBOX', 'Sent', 'Projects'];

test('each folder at once, then after its time; INBOX not while it is open', () => {
  const plan = new LookPlan('INBOX', 30_000);
  expect(plan.due(paths, true, 0)).toBe('Sent');
  for (const path of paths) plan.looked(path, 0);
  expect([plan.due(paths, true, 29_999), plan.waitMs(paths, true, 10_000)]).toEqual([undefined, 20_000]);
  expect(plan.due(paths, false, 2_000)).toBe('INBOX');
  expect(plan.due(paths, true, 30_000)).toBe('Sent');
});

test('what changed is looked at soon, and one not known asks for a new list', () => {
  const plan = new LookPlan('INBOX', 30_000);
  for (const path of paths) plan.looked(path, 0);
  plan.listed(0);
  plan.soon('Projects', true);
  expect([plan.due(paths, true, 1), plan.listDue(1)]).toEqual(['Projects', false]);
  plan.soon('New', false);
  expect(plan.listDue(1)).toBe(true);
});
