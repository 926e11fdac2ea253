// Never more logins at one server than are allowed; other servers do not wait.
import { expect, test } from 'vitest';
import { Gate } from './gate.js';

test('the third waits for one of two, and a failure gives its place back', async () => {
  const gate = new Gate(2);
  const order: string[] = [];
  const open: ((error?: Error) => void)[] = [];
  const login = (name: string, host = 'a') =>
    gate.through(host, () => {
      order.push(name);
      return new Promise<void>((resolve, reject) => open.push((error) => (error ? reject(error) : resolve())));
    });
  const [first, second, third, other] = [login('first'), login('second'), login('third'), login('other', 'b')];
  await Promise.resolve();
  expect(order).toEqual(['first', 'second', 'other']);
  open[0]!(new Error('refused'));
  await expect(first).rejects.toThrow('refused');
  await Promise.resolve();
  expect(order).toEqual(['first', 'second', 'other', 'third']);
  for (const done of open.slice(1)) done();
  await Promise.all([second, third, other]);
});
