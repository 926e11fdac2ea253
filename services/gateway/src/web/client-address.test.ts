// Whose address a visit counts for, whatever its client writes into it.
import { expect, test } from 'vitest';
import { readSettings } from '@rejoinder/runtime/config';
import { settings } from '../config.js';
import { clientOf } from './client-address.js';

const { httpTrustedProxies: proxies } = readSettings(settings, { REJOINDER_HTTP_TRUSTED_PROXIES: '10.0.0.7/32, 10.1.0.0/16,fd00::/8' });

test.each([
  ['nobody stands between', '198.51.100.1', undefined, '198.51.100.1'],
  ['a stranger is not believed', '198.51.100.1', '203.0.113.5', '198.51.100.1'],
  ['nor a neighbour of a proxy', '10.0.0.8', '203.0.113.5', '10.0.0.8'],
  ['a proxy tells who asked it', '10.0.0.7', '203.0.113.5', '203.0.113.5'],
  ['what the client wrote before is its own word', '10.0.0.7', '192.0.2.1, 10.1.2.3,203.0.113.5', '203.0.113.5'],
  ['one proxy behind another', '::ffff:10.0.0.7', '192.0.2.1, 203.0.113.5 , fd00::1,10.1.2.3', '203.0.113.5'],
  ['a port is no part of it', '10.0.0.7', '203.0.113.5:50112', '203.0.113.5'],
  ['nor are brackets', '10.0.0.7', '[2001:db8::5]:50112', '2001:db8::5'],
  ['a proxy asks for itself', '10.0.0.7', undefined, '10.0.0.7'],
  ['or all are proxies', '10.0.0.7', '10.1.2.3', '10.1.2.3'],
  ['what is no address is nobody', '10.0.0.7', '203.0.113.5, unknown', '10.0.0.7'],
  ['the header comes twice', '10.0.0.7', ['192.0.2.1', '203.0.113.5'], '203.0.113.5'],
])('%s', (_, peer, forwardedFor, client) => {
  expect(clientOf(peer, forwardedFor, proxies)).toBe(client);
});

test('by default nobody is believed', () => {
  expect(clientOf('127.0.0.1', '203.0.113.5', readSettings(settings, {}).httpTrustedProxies)).toBe('127.0.0.1');
});
