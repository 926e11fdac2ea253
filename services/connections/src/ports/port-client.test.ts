// Which sessions are waited for, and which are given up for what the port or its name says.
import { describe, expect, it } from 'vitest';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { readSettings } from '@rejoinder/runtime/config';
import { settings } from '../config.js';
import { PortClient } from './port-client.js';

const client = new PortClient(readSettings(settings, {}));
const server = (host: string) => ({ host, port: 993, security: 'tls' as const });
const outcome = (login: Promise<string>, host = 'mail.invalid') =>
  client.orWhyNot('imap', server(host), login, () => undefined).catch((fault: { code: string }) => fault.code);

describe('a login', () => {
  it('that works is taken, and one that fails by itself keeps its reason', async () => {
    expect(await outcome(Promise.resolve('session'))).toBe('session');
    expect(await outcome(Promise.reject(faultOf('AUTH_REJECTED')), 'pop.mail.invalid')).toBe('AUTH_REJECTED');
    expect(await outcome(Promise.reject(faultOf('REFUSED')))).toBe('REFUSED');
  });

  it('that reaches nothing under the name of a POP3 server is told that this is one', async () => {
    expect(await outcome(Promise.reject(faultOf('REFUSED')), 'pop.mail.invalid')).toBe('POP3_REFUSED');
  });
});
