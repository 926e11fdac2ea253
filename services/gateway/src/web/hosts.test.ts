// Which names and which pages are ours.
import { describe, expect, test } from 'vitest';
import { foreignPage, hostsOf, ourHost } from './hosts.js';

describe('our names', () => {
  test('are all of loopback, with the port, where it listens there', () => {
    const hosts = hostsOf('127.0.0.1:7420', '');
    for (const host of ['127.0.0.1:7420', 'localhost:7420', 'LOCALHOST:7420', '[::1]:7420'])
      expect([host, ourHost(host, hosts)]).toEqual([host, true]);
    for (const host of [undefined, '', 'localhost', '127.0.0.1', '127.0.0.1:80', 'evil.example:7420', 'localhost:7420.evil.example']) {
      expect([host, ourHost(host, hosts)]).toEqual([host, false]);
    }
  });

  test('are those of the settings too, with our port or behind a proxy without', () => {
    const hosts = hostsOf('0.0.0.0:7420', ' mail.example.com, crm.example.com:8443 ,');
    expect([...hosts].sort()).toEqual(['0.0.0.0:7420', 'crm.example.com:8443', 'mail.example.com', 'mail.example.com:7420']);
  });
});

describe('a page', () => {
  const hosts = hostsOf('127.0.0.1:7420', 'mail.example.com');
  test.each([
    ['GET', {}, false],
    ['GET', { 'sec-fetch-site': 'none' }, false],
    ['GET', { 'sec-fetch-site': 'same-origin' }, false],
    ['GET', { 'sec-fetch-site': 'same-site' }, true],
    ['GET', { 'sec-fetch-site': 'cross-site' }, true],
    ['GET', { origin: 'https://evil.example' }, true],
    ['POST', {}, true],
    ['POST', { origin: 'null' }, true],
    ['POST', { origin: 'http://127.0.0.1:3000' }, true],
    ['POST', { origin: 'http://127.0.0.1:7420.evil.example' }, true],
    ['POST', { origin: 'http://127.0.0.1:7420' }, false],
    ['POST', { origin: 'https://mail.example.com' }, false],
    ['POST', { origin: 'file://127.0.0.1:7420' }, true],
    ['DELETE', { origin: 'http://127.0.0.1:7420', 'sec-fetch-site': 'cross-site' }, true],
  ])('that asks %s with %j is foreign: %s', (method, headers, foreign) => {
    expect(foreignPage(method, headers, hosts)).toBe(foreign);
  });
});
