// Starts a real OpenID Connect provider over TLS: refresh tokens that rotate, introspection for mail servers, and what a test does to it.
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, get } from 'node:https';
import OidcProvider, { type Adapter, type AdapterPayload } from 'oidc-provider';
import type { TestCa } from './certificates.js';
import { freePort } from './ports.js';

export interface IdentityProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly port: number;
  /** Of Rejoinder, as an administrator registers it. */
  readonly client: { id: string; secret: string };
  /** Asks whether a token is good, with the name and password of a mail server; for Dovecot's oauth2 passdb. */
  readonly introspectionUrl: string;
  /** Every request to the token endpoint that came this far: its grant_type. */
  readonly granted: string[];
  /** Who is at the browser: signs in and agrees at once, or refuses. By default it is whoever login_hint names. */
  person: { address: string } | 'as hinted' | 'refuses';
  /** Seconds that access tokens live from now on. */
  accessSeconds: number;
  /** Whether mail servers are told that a good token is good. */
  introspects: boolean;
  /** Answers the token endpoint with this status, until it is undefined again. */
  tokenStatus: number | undefined;
  /** Milliseconds that the token endpoint takes. */
  tokenDelayMs: number;
  /** Milliseconds that the revocation endpoint (RFC 7009) takes. */
  revocationDelayMs: number;
  /** How often this person has granted access that still holds. */
  grantsOf(address: string): number;
  /** Ends every access token that was given out; refresh tokens stay good. */
  expireAccessTokens(): void;
  /** Opens the page and goes where it leads, as a browser does, until it leads back to a program: answers with which address. */
  visit(page: string): Promise<string>;
  /** As an administrator describes it to Rejoinder: one provider of REJOINDER_OAUTH_PROVIDERS_FILE. */
  settings(of: { imapPort: number; smtpPort: number; domains?: string[] }): object;
  /** Knows Rejoinder no more, or again: as where its secret has run out. */
  forgetClient(forgotten: boolean): void;
  /** As the person does on the provider's page of connected programs. */
  revoke(address: string): void;
  stop(): Promise<void>;
}

const client = { id: 'rejoinder', secret: 'secret-of-rejoinder-at-its-provider' };
const mailServer = { id: 'mail-server', secret: 'secret-of-the-mail-server' };
const defaultAccessSeconds = 3_600;

export async function startIdentityProvider(ca: TestCa, redirectUris: string[]): Promise<IdentityProvider> {
  const port = await freePort();
  const issuer = `https://localhost:${port}`;
  const kept = new Map<string, AdapterPayload>();
  const state: Pick<
    IdentityProvider,
    'granted' | 'person' | 'accessSeconds' | 'introspects' | 'tokenStatus' | 'tokenDelayMs' | 'revocationDelayMs'
  > = {
    revocationDelayMs: 0,
    granted: [],
    person: 'as hinted',
    accessSeconds: defaultAccessSeconds,
    introspects: true,
    tokenStatus: undefined,
    tokenDelayMs: 0,
  };
  let forgotten = false;
  const provider = providerOf(issuer, redirectUris, kept, () => state.accessSeconds);
  const handle = provider.callback();
  const server = createServer(await ca.issue(), (request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.startsWith('/interaction/')) return interact(provider, request, response, state.person);
    if (request.url === '/token') {
      if (forgotten) request.headers.authorization = `Basic ${Buffer.from(`${client.id}:of-last-year`).toString('base64')}`;
      if (state.tokenDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, state.tokenDelayMs));
      if (state.tokenStatus) return void response.writeHead(state.tokenStatus, { 'content-type': 'text/plain' }).end('out of order');
    }
    if (request.url === '/token/revocation') await new Promise((resolve) => setTimeout(resolve, state.revocationDelayMs));
    if (request.url === '/token/introspection' && !state.introspects)
      return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"active":false}');
    return handle(request, response);
  };
  provider.on('grant.success', (context) => state.granted.push(String(context.oidc.params?.grant_type)));
  provider.on('grant.error', (context) => state.granted.push(`refused ${String(context.oidc.params?.grant_type)}`));
  server.listen(port, 'localhost');
  await once(server, 'listening');
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const drop = (which: (key: string, payload: AdapterPayload) => boolean) => {
    for (const [key, payload] of kept) if (which(key, payload)) kept.delete(key);
  };
  const { id, secret } = mailServer;
  const tls = (port: number) => ({ host: 'localhost', port, security: 'tls' });
  return Object.assign(state, {
    issuer,
    port,
    client,
    introspectionUrl: `https://${id}:${secret}@localhost:${port}/token/introspection`,
    expireAccessTokens: () => drop((key) => key.startsWith('AccessToken:')),
    forgetClient: (now: boolean) => void (forgotten = now),
    grantsOf: (address: string) => {
      const held = [...kept].filter(([key, { accountId }]) => key.startsWith('RefreshToken:') && accountId === address);
      return new Set(held.map(([, { grantId }]) => grantId)).size;
    },
    revoke: (address: string) => drop((key, { accountId }) => /^(Access|Refresh)Token:|^Grant:/.test(key) && accountId === address),
    visit: (page: string) => visit(page, issuer, ca),
    settings: ({ imapPort, smtpPort, domains = [] }: { imapPort: number; smtpPort: number; domains?: string[] }) => ({
      id: 'town',
      name: 'Town Mail',
      issuer,
      client_id: client.id,
      client_secret: client.secret,
      imap: tls(imapPort),
      smtp: tls(smtpPort),
      domains,
    }),
    stop,
    [Symbol.asyncDispose]: stop,
  });
}

const maxRedirects = 20;

/** With the cookies that it is given on the way. */
async function visit(page: string, issuer: string, ca: TestCa): Promise<string> {
  const cookies = new Map<string, string>();
  let at = page;
  for (let count = 0; at.startsWith(`${issuer}/`); count++) {
    if (count > maxRedirects) throw new Error('the provider leads in circles');
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const asking = get(at, { ca: ca.pem, agent: false, headers: { cookie } });
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    const text = Buffer.concat(await answer.toArray()).toString();
    for (const set of answer.headers['set-cookie'] ?? []) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!;
      cookies.set(name!, value!);
    }
    const { location } = answer.headers;
    if (!location) throw new Error(`the provider shows a page: ${answer.statusCode} ${text.slice(0, 500)}`);
    at = new URL(location, at).href;
  }
  return at;
}

function providerOf(issuer: string, redirectUris: string[], kept: Map<string, AdapterPayload>, accessSeconds: () => number): OidcProvider {
  const common = { token_endpoint_auth_method: 'client_secret_basic' } as const;
  return new OidcProvider(issuer, {
    adapter: (name: string) => keeper(name, kept),
    clients: [
      {
        ...common,
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: redirectUris,
        grant_types: ['authorization_code', 'refresh_token'],
      },
      { ...common, client_id: mailServer.id, client_secret: mailServer.secret, redirect_uris: [], grant_types: [], response_types: [] },
    ],
    scopes: ['openid', 'offline_access', 'email', 'mail'],
    claims: { email: ['email', 'email_verified'] },
    findAccount: (_context: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub, email: sub, email_verified: true }) }),
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
    },
    rotateRefreshToken: true,
    pkce: { required: () => true },
    ttl: {
      AccessToken: accessSeconds,
      RefreshToken: 86_400,
      Grant: 86_400,
      Session: 86_400,
      Interaction: 600,
      AuthorizationCode: 60,
      IdToken: 600,
    },
    jwks: { keys: [generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ format: 'jwk' })] },
    cookies: { keys: ['a key for the cookies of tests'] },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
  });
}

/** Everything the provider knows, in one map. */
function keeper(name: string, kept: Map<string, AdapterPayload>): Adapter {
  const at = (id: string) => `${name}:${id}`;
  const find = async (id: string) => kept.get(at(id));
  const findBy = async (property: 'uid' | 'userCode', value: string) =>
    [...kept].find(([key, payload]) => key.startsWith(`${name}:`) && payload[property] === value)?.[1];
  return {
    upsert: async (id, payload) => void kept.set(at(id), payload),
    find,
    findByUid: (uid) => findBy('uid', uid),
    findByUserCode: (code) => findBy('userCode', code),
    consume: async (id) => void Object.assign(kept.get(at(id)) ?? {}, { consumed: Math.floor(Date.now() / 1_000) }),
    destroy: async (id) => void kept.delete(at(id)),
    revokeByGrantId: async (grantId) => {
      for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key);
    },
  };
}

/** What a person would do on the provider's pages, without the pages. */
async function interact(
  provider: OidcProvider,
  request: IncomingMessage,
  response: ServerResponse,
  person: IdentityProvider['person'],
): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (person === 'refuses')
    return provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'The person said no.' });
  if (prompt.name === 'login') {
    const accountId = person === 'as hinted' ? String(params.login_hint) : person.address;
    return provider.interactionFinished(request, response, { login: { accountId, remember: false } });
  }
  const grant = new provider.Grant({ accountId: session?.accountId, clientId: String(params.client_id) });
  grant.addOIDCScope(String(params.scope));
  const grantId = await grant.save();
  return provider.interactionFinished(request, response, { consent: { grantId } }, { mergeWithLastSubmission: true });
}
