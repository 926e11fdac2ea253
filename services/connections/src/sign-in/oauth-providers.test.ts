// Which providers the settings name, and for whom each is.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSettings } from '@rejoinder/runtime/config';
import { settings } from '../config.js';
import { openProviders, providerFor, serversAt } from './oauth-providers.js';

const folder = mkdtempSync(join(tmpdir(), 'rejoinder-providers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const google = { REJOINDER_OAUTH_GOOGLE_CLIENT_ID: 'g', REJOINDER_OAUTH_GOOGLE_CLIENT_SECRET: 'secret-g' };
const microsoft = { REJOINDER_OAUTH_MICROSOFT_CLIENT_ID: 'm', REJOINDER_OAUTH_MICROSOFT_CLIENT_SECRET: 'secret-m' };
const open = (env: Record<string, string>) => openProviders(readSettings(settings, env));
const server = { host: 'mail.acme.test', port: 993, security: 'tls' };
const acme = {
  ...{ id: 'acme', name: 'Acme', issuer: 'https://login.acme.test', client_id: 'a', client_secret: 'secret-a' },
  ...{ imap: server, smtp: { ...server, port: 465 }, domains: ['Acme.test'] },
};
function fileOf(content: unknown): Record<string, string> {
  const path = join(folder, `${Math.random()}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return { REJOINDER_OAUTH_PROVIDERS_FILE: path };
}

describe('the settings', () => {
  it('name nobody by default, Google and Microsoft by an id and a secret, and others by a file', () => {
    expect(open({})).toEqual([]);
    const all = open({ ...google, ...microsoft, ...fileOf([acme]) });
    expect(all.map(({ id, issuer }) => [id, issuer])).toEqual([
      ['google', 'https://accounts.google.com'],
      ['microsoft', 'https://login.microsoftonline.com/common/v2.0'],
      ['acme', 'https://login.acme.test'],
    ]);
    expect(all.map(({ more }) => more)).toEqual([{ access_type: 'offline', prompt: 'consent' }, {}, { prompt: 'consent' }]);
    expect(all[1]!.scope).toContain('https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send');
    expect(all[1]!.scope.split(' ')).toContain('offline_access');
    expect(JSON.stringify(all)).not.toContain('secret-');
  });

  it('are refused by name where they cannot be used', () => {
    const { REJOINDER_OAUTH_GOOGLE_CLIENT_ID: id } = google;
    expect(() => open({ REJOINDER_OAUTH_GOOGLE_CLIENT_ID: id })).toThrow('REJOINDER_OAUTH_GOOGLE_CLIENT_SECRET');
    expect(() => open({ ...microsoft, REJOINDER_OAUTH_MICROSOFT_TENANT: 'a/b' })).toThrow('REJOINDER_OAUTH_MICROSOFT_TENANT');
    expect(() => open({ REJOINDER_OAUTH_PROVIDERS_FILE: join(folder, 'none') })).toThrow('cannot be read');
    expect(() => open(fileOf('{'))).toThrow('is not JSON');
    expect(() => open(fileOf([{ ...acme, issuer: 'http://login.acme.test' }]))).toThrow('wrong at 0.issuer');
    expect(() => open(fileOf([{ ...acme, client_secret: '' }]))).toThrow('wrong at 0.client_secret');
    expect(() => open(fileOf([acme, acme]))).toThrow('names a provider twice');
    expect(() => open({ ...google, ...fileOf([{ ...acme, id: 'google' }]) })).toThrow('names a provider twice');
  });
});

describe('an address', () => {
  const all = open({ ...google, ...microsoft, ...fileOf([acme]) });
  const at = (domain: string, imapHost?: string) => providerFor(all, domain, imapHost)?.id;

  it('is of a provider by its domain, or by the server where its mail lies', () => {
    expect([at('gmail.com'), at('outlook.de'), at('acme.test')]).toEqual(['google', 'microsoft', 'acme']);
    expect([at('firm.test', 'imap.gmail.com'), at('firm.test', 'outlook.office365.com')]).toEqual(['google', 'microsoft']);
    expect([at('firm.test'), at('firm.test', 'imap.firm.test')]).toEqual([undefined, undefined]);
  });

  it('sends through the server for people or the one for firms, as its provider has it', () => {
    const provider = all[1]!;
    expect(serversAt(provider, 'hotmail.com').smtp.host).toBe('smtp-mail.outlook.com');
    expect(serversAt(provider, 'firm.test').smtp.host).toBe('smtp.office365.com');
  });
});
