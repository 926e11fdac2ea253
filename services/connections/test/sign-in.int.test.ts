// Signing in at a provider's page with real servers: an OpenID Connect provider, Dovecot that asks it for each token, PostgreSQL.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { InboxConnectedSchema } from '@rejoinder/contracts/events/connections';
import { settle } from '@rejoinder/testing/settle';
import { clock, codeOf, openSignInHouse, redirectUri, slow, type SignInHouse } from './sign-in-house.js';

let at: SignInHouse;
beforeAll(async () => {
  at = await openSignInHouse();
});
afterAll(() => at?.stop());
beforeEach(() => {
  at.idp.person = 'as hinted';
  at.idp.tokenStatus = undefined;
  at.idp.introspects = true;
});

describe('signing in', () => {
  it('leads to the page of the provider, with PKCE, a state, a nonce and who is expected', async () => {
    const { authorizationUrl } = await at.start('anna@town.test');
    const { origin, searchParams } = new URL(authorizationUrl);
    expect(origin).toBe(at.idp.issuer);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      client_id: at.idp.client.id,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid email offline_access',
      prompt: 'consent',
      code_challenge_method: 'S256',
      login_hint: 'anna@town.test',
    });
    for (const name of ['state', 'nonce', 'code_challenge']) expect(searchParams.get(name)).toMatch(/^[\w-]{43}$/);
  });

  it('connects the inbox once both servers have let the access token in', async () => {
    await at.dovecot.addUser('berta@town.test');
    const { inbox, checks, reconnected } = await at.signIn('berta@town.test', { displayName: 'Berta' });
    expect(checks.map(({ protocol, passed, code }) => [protocol, passed, code])).toEqual([
      ['imap', true, ''],
      ['smtp', true, ''],
    ]);
    expect([inbox, reconnected]).toMatchObject([
      { address: 'berta@town.test', displayName: 'Berta', receiving: 'connected', sending: 'ready', oauthProvider: 'town' },
      false,
    ]);
    const told = await settle('InboxConnected', async () =>
      (await at.house.published('rejoinder.connections.v1', InboxConnectedSchema)).find(({ inboxId }) => inboxId === inbox!.inboxId),
    );
    expect(told.address).toBe('berta@town.test');
    const { login, accessTokenUntil } = await at.credential(inbox!.inboxId);
    expect(login).toMatchObject({ username: 'berta@town.test', password: '', imap: { port: at.dovecot.imapsPort } });
    expect(login!.accessToken).toMatch(/^[\w-]{20,}$/);
    expect(Number(accessTokenUntil!.seconds) * 1_000 - Date.now()).toBeGreaterThan(3_500_000);
  });

  it('stores nothing in clear, and nothing at all of a sign-in that is over', async () => {
    const { inboxId } = await at.connected('carl@town.test');
    const { login } = await at.credential(inboxId);
    const rows = await at.house.query<{ text: string }>(
      `select row_to_json(c)::text as text from connections.credential c where inbox_id = $1 union all select row_to_json(s)::text from connections.sign_in s`,
      [inboxId],
    );
    const hex = (text: string) => Buffer.from(text).toString('hex');
    for (const secret of [login!.accessToken, 'carl@town.test', at.idp.client.secret])
      expect(rows.filter(({ text }) => text.includes(secret) || text.includes(hex(secret)))).toEqual([]);
    const open = await at.house.query<{ count: number }>('select count(*)::int as count from connections.sign_in');
    const { authorizationUrl } = await at.start('carl2@town.test');
    const one = await at.house.query<{ count: number }>('select count(*)::int as count from connections.sign_in');
    expect(one[0]!.count).toBe(open[0]!.count + 1);
    at.idp.person = 'refuses';
    expect(await codeOf(at.finish(await at.idp.visit(authorizationUrl)))).toBe('SIGN_IN_REFUSED');
    expect(await at.house.query('select count(*)::int as count from connections.sign_in')).toEqual(open);
  });

  it('is finished once, in time, by whom it was begun and in their tenant', async () => {
    await at.dovecot.addUser('dora@town.test');
    const begun = async () => at.idp.visit((await at.start('dora@town.test')).authorizationUrl);
    const back = await begun();
    expect(await codeOf(at.finish(back, { caller: 'another' }))).toBe('SIGN_IN_GONE');
    expect(await codeOf(at.finish(back, { tenantId: newId() }))).toBe('SIGN_IN_GONE');
    expect(await codeOf(at.finish(`${redirectUri}?code=x&state=${'y'.repeat(43)}`))).toBe('SIGN_IN_GONE');
    expect(await codeOf(at.finish(redirectUri))).toBe('CALLBACK_INVALID');
    const late = await begun();
    clock.aheadMs = 600_001;
    expect(await codeOf(at.finish(late))).toBe('SIGN_IN_GONE');
    clock.aheadMs = 0;
    expect((await at.finish(back)).inbox?.address).toBe('dora@town.test');
    expect(await codeOf(at.finish(back))).toBe('SIGN_IN_GONE');
  });

  it('is refused where another person signs in, where the code is not theirs, and where the address is connected already', async () => {
    await at.dovecot.addUser('emma@town.test');
    at.idp.person = { address: 'ernst@town.test' };
    expect(await codeOf(at.signIn('emma@town.test'))).toBe('SIGN_IN_OTHER');
    at.idp.person = 'as hinted';
    const back = new URL(await at.idp.visit((await at.start('emma@town.test')).authorizationUrl));
    back.searchParams.set('code', 'a-code-of-somebody-else');
    expect(await codeOf(at.finish(back.href))).toBe('SIGN_IN_GONE');
    await at.connected('emma@town.test');
    expect(await codeOf(at.start('EMMA@town.test'))).toBe('INBOX_EXISTS');
    expect(await at.house.query(`select 1 from connections.inbox where address ~* 'emma|ernst'`)).toHaveLength(1);
  });

  it('says of each server why it was not let in, and stores nothing', async () => {
    await at.dovecot.addUser('fine@town.test');
    at.idp.introspects = false;
    const { inbox, checks } = await at.signIn('fine@town.test');
    expect([inbox, checks.map(({ code }) => code)]).toEqual([undefined, ['OAUTH_REJECTED', 'OAUTH_REJECTED']]);
  });

  it('is refused at a provider that is not set up, and back to a place that is not safe', async () => {
    expect(await codeOf(at.start('fred@town.test', { provider: 'google' }))).toBe('OAUTH_NOT_SET_UP');
    for (const wrong of ['http://town.test/back', 'https://town.test/back?x=1', 'javascript:alert(1)', 'https://u:p@town.test/', ''])
      expect([wrong, await codeOf(at.start('fred@town.test', { redirectUri: wrong }))]).toEqual([wrong, 'REDIRECT_INVALID']);
  });

  it('tells that the provider is out of order, and stores nothing', async () => {
    await at.dovecot.addUser('gita@town.test');
    at.idp.tokenStatus = 503;
    expect(await codeOf(at.signIn('gita@town.test'))).toBe('OAUTH_UNAVAILABLE');
  });

  it('is what discovery tells of an address there', async () => {
    const found = await at.client().discover({ tenantId: at.tenantId, address: 'hans@town.test' }, slow);
    expect(found).toMatchObject({ signIn: 'oauth', oauthProvider: 'town', oauthProviderName: 'Town Mail', imap: { host: 'localhost' } });
    const gmail = await at.client().discover({ tenantId: at.tenantId, address: 'hans@gmail.com' }, slow);
    expect([gmail.oauthProvider, gmail.oauthProviderName]).toEqual(['', '']);
  });

  it('is not mixed with a password: both sides are given one, or none', async () => {
    const { inboxId } = await at.connected('mona@town.test');
    const change = (sides: object) => at.client().changeLogin({ tenantId: at.tenantId, inboxId, ...sides }, slow);
    for (const sides of [{ imap: { password: 'secret' } }, { imap: { username: 'x' }, smtp: { password: 'secret' } }])
      expect(await codeOf(change(sides))).toBe('INBOX_SIGNED_IN');
    const both = await change({ imap: { password: 'secret' }, smtp: { password: 'secret' } });
    expect(both.inbox).toMatchObject({ inboxId, oauthProvider: '' });
  });

  it('takes the place of a password, and a password its place, under the same id', async () => {
    await at.dovecot.addUser('ines@town.test');
    const tls = (port: number) => ({ host: 'localhost', port, security: 'tls' });
    const typed = { address: 'ines@town.test', password: 'secret', imap: tls(at.dovecot.imapsPort), smtp: tls(at.dovecot.submissionsPort) };
    const { inbox } = await at.client().connect({ tenantId: at.tenantId, login: typed }, slow);
    const { inboxId } = inbox!;
    const again = await at.signIn('', { inboxId });
    expect(again).toMatchObject({ reconnected: true, inbox: { inboxId, oauthProvider: 'town', receiving: 'connected' } });
    expect(await at.credential(inboxId)).toMatchObject({ credentialVersion: 2n, login: { password: '' } });
    const back = await at.client().reconnect({ tenantId: at.tenantId, inboxId, password: 'secret' }, slow);
    expect(back.inbox).toMatchObject({ inboxId, oauthProvider: '' });
    expect(await at.credential(inboxId)).toMatchObject({ credentialVersion: 3n, login: { password: 'secret', accessToken: '' } });
    expect(await codeOf(at.start('', { inboxId: newId() }))).toBe('INBOX_NOT_FOUND');
  });
});

it('a mail server that knows XOAUTH2 and no OAUTHBEARER lets the access token in, and says why where it does not', async () => {
  const other = await openSignInHouse('auth_mechanisms = plain login xoauth2');
  try {
    await other.connected('xenia@town.test');
    // Dovecot writes its log aside.
    const logins = await settle('the login in its log', async () =>
      (await other.dovecot.log()).match(/imap-login: .*Login: user=<xenia@town\.test>, method=\w+/g),
    );
    expect(logins.map((line) => line.split('method=')[1])).toEqual(['XOAUTH2']);
    other.idp.introspects = false;
    await other.dovecot.addUser('yves@town.test');
    const { checks } = await other.signIn('yves@town.test');
    expect(checks.map(({ protocol, code }) => [protocol, code])).toEqual([
      ['imap', 'OAUTH_REJECTED'],
      ['smtp', 'OAUTH_REJECTED'],
    ]);
  } finally {
    await other.stop();
  }
}, 60_000);
