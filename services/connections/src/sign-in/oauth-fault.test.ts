// What an answer of a provider means: over for good, to be mended by the administrator, or to be tried again.
import { describe, expect, it } from 'vitest';
import * as oidc from 'openid-client';
import { oauthFault } from './oauth-client.js';

const config = (fetch: () => Promise<Response>) => {
  const made = new oidc.Configuration({ issuer: 'https://login.test', token_endpoint: 'https://login.test/token' }, 'rejoinder', 'secret');
  made[oidc.customFetch] = fetch;
  return made;
};
/** As openid-client tells it. */
async function faultOn(fetch: () => Promise<Response>) {
  const error: unknown = await oidc.refreshTokenGrant(config(fetch), 'a refresh token').then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const { code, retryAfterMs } = oauthFault(error, 'OAUTH_REVOKED');
  return retryAfterMs === undefined ? code : `${code} ${retryAfterMs}`;
}
const json = (status: number, error: string, headers: Record<string, string> = {}) =>
  faultOn(async () => Response.json({ error, error_description: 'AADSTS50173: words' }, { status, headers }));
const text = (status: number, headers: Record<string, string> = {}) => faultOn(async () => new Response('<html>', { status, headers }));

describe('an answer to a refresh', () => {
  it.each(['invalid_grant', 'interaction_required', 'login_required', 'consent_required'])('%s is the end of the grant', async (word) => {
    expect(await json(400, word)).toBe('OAUTH_REVOKED');
  });

  it.each(['invalid_client', 'unauthorized_client', 'invalid_scope', 'invalid_request'])('%s is for the administrator', async (word) => {
    expect(await json(400, word)).toBe('OAUTH_SETUP');
    expect(await json(401, 'invalid_client', { 'www-authenticate': 'Basic realm="login"' })).toBe('OAUTH_SETUP');
  });

  it('of a provider in trouble passes, whatever words come with it', async () => {
    expect(await json(400, 'temporarily_unavailable')).toBe('OAUTH_UNAVAILABLE');
    expect(await json(503, 'invalid_grant')).toBe('OAUTH_UNAVAILABLE');
    expect(await json(429, 'invalid_grant', { 'retry-after': '30' })).toBe('OAUTH_UNAVAILABLE 30000');
    expect(await text(502)).toBe('OAUTH_UNAVAILABLE');
    expect(await text(429, { 'retry-after': '9999' })).toBe('OAUTH_UNAVAILABLE 300000');
    expect(await text(200)).toBe('OAUTH_UNAVAILABLE');
    expect(await faultOn(() => Promise.reject(Object.assign(new Error('none'), { code: 'ECONNREFUSED' })))).toBe('OAUTH_UNAVAILABLE');
    expect(await faultOn(async () => Response.json({ token_type: 'bearer' }))).toBe('OAUTH_UNAVAILABLE');
  });
});
