// Which domains stand for people.
import { expect, test } from 'vitest';
import { domainsOf } from './domains.js';

test.each([
  [['a@b.example'], ['b.example']],
  [
    ['a@x.y.b.example', 'c@y.b.example'],
    ['x.y.b.example', 'y.b.example', 'b.example'],
  ],
  [
    ['a@localhost', 'a@[192.0.2.1]'],
    ['[192.0.2.1]', '0.2.1]', '2.1]'],
  ],
  [[], []],
])('of %j they are %j', (addresses, domains) => expect(domainsOf(addresses)).toEqual(domains));

test('there are not more than are told', () => {
  expect(domainsOf(Array.from({ length: 2_000 }, (_, at) => `a@d${at}.example`))).toHaveLength(1_000);
});
