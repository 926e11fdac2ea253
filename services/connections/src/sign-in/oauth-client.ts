// Speaks OAuth 2.0 and OpenID Connect with a provider, and tells what is over for good from what passes.
import { Inject, Injectable } from '@nestjs/common';
import * as oidc from 'openid-client';
import type { Clock } from '@rejoinder/base/clock';
import type { Fault } from '@rejoinder/base/fault';
import { Private } from '@rejoinder/base/private';
import { faultOf, type ErrorCode } from '@rejoinder/contracts/catalogue';
import type { Logger } from '@rejoinder/runtime/logging';
import { openMailNetwork } from '@rejoinder/runtime/mail-settings';
import { CLOCK, LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import type { ConnectionsSettings } from '../config.js';
import { newGrant, type Grant } from './grant.js';
import { httpsFetch, httpTimeoutMs, type HttpsFetch } from './https-client.js';
import { openProviders, type OAuthProvider } from './oauth-providers.js';

/** What is known of one sign-in from its beginning to its end. */
export interface Handshake {
  redirectUri: string;
  state: string;
  nonce: string;
  verifier: string;
}

export interface SignedIn {
  grant: Grant;
  /** Who signed in, as the provider knows them. */
  addresses: string[];
}

const metadataMs = 86_400_000;
const maxRetryAfterMs = 300_000;
/** The person or the provider has withdrawn: refreshing will never work again (RFC 6749 §5.2, OpenID Connect Core §3.1.2.6; Microsoft answers AADSTS50173 and 700082 as these). */
const over = ['invalid_grant', 'interaction_required', 'login_required', 'consent_required'];
const passing = ['temporarily_unavailable', 'server_error', 'slow_down'];

@Injectable()
export class OAuthClient {
  readonly providers: readonly OAuthProvider[];
  readonly #fetch: HttpsFetch;
  readonly #known = new Map<string, { config: oidc.Configuration; until: number }>();

  constructor(
    @Inject(SETTINGS) settings: ConnectionsSettings,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.providers = openProviders(settings);
    this.#fetch = httpsFetch(openMailNetwork(settings).secureContext);
  }

  provider(id: string): OAuthProvider {
    const found = this.providers.find((one) => one.id === id);
    if (!found) throw faultOf('OAUTH_NOT_SET_UP');
    return found;
  }

  /** The page to send the person to. */
  async pageFor(provider: OAuthProvider, { redirectUri, state, nonce, verifier }: Handshake, address: string): Promise<string> {
    const config = await this.#config(provider);
    const url = oidc.buildAuthorizationUrl(config, {
      ...provider.more,
      redirect_uri: redirectUri,
      scope: provider.scope,
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(address ? { login_hint: address } : {}),
    });
    return url.href;
  }

  /** The person came back with this query: the first grant, and who they are. */
  async finish(provider: OAuthProvider, handshake: Handshake, query: URLSearchParams): Promise<SignedIn> {
    const config = await this.#config(provider);
    const url = new URL(handshake.redirectUri);
    url.search = query.toString();
    const { state, nonce, verifier } = handshake;
    const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
    const tokens = await this.#asked(provider, 'SIGN_IN_GONE', oidc.authorizationCodeGrant(config, url, checks));
    if (!tokens.refresh_token) throw faultOf('SIGN_IN_SHORT');
    const addresses = await this.#addresses(provider, config, tokens);
    return { grant: this.#grant(provider, tokens, tokens.refresh_token), addresses };
  }

  /** A new access token. A provider that does not rotate its refresh tokens gives none: the old one stays. */
  async refresh(provider: OAuthProvider, { refreshToken }: Grant): Promise<Grant> {
    const config = await this.#config(provider);
    const tokens = await this.#asked(provider, 'OAUTH_REVOKED', oidc.refreshTokenGrant(config, refreshToken.reveal()));
    return this.#grant(provider, tokens, tokens.refresh_token ?? refreshToken.reveal());
  }

  /** Tells the provider that the grant is used no more (RFC 7009); false where it has no place for that, such as Microsoft. */
  async revoke(provider: OAuthProvider, { refreshToken }: Grant): Promise<boolean> {
    const config = await this.#config(provider);
    if (!config.serverMetadata().revocation_endpoint) return false;
    const asked = oidc.tokenRevocation(config, refreshToken.reveal(), { token_type_hint: 'refresh_token' });
    await this.#asked(provider, 'OAUTH_REVOKED', asked);
    return true;
  }

  #grant({ id }: OAuthProvider, tokens: oidc.TokenEndpointResponse, refreshToken: string): Grant {
    const token = { accessToken: new Private(tokens.access_token), refreshToken: new Private(refreshToken) };
    return newGrant(id, token, tokens.expires_in, this.clock.now());
  }

  /** The id token tells, else userinfo; an address that the provider itself doubts is none. */
  async #addresses(
    provider: OAuthProvider,
    config: oidc.Configuration,
    tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
  ): Promise<string[]> {
    const claims = tokens.claims();
    const told = addressesIn(claims ?? {});
    if (told.length > 0 || !claims || !config.serverMetadata().userinfo_endpoint) return told;
    return addressesIn(await this.#asked(provider, 'OAUTH_UNAVAILABLE', oidc.fetchUserInfo(config, tokens.access_token, claims.sub)));
  }

  async #config(provider: OAuthProvider): Promise<oidc.Configuration> {
    const known = this.#known.get(provider.id);
    if (known && known.until > performance.now()) return known.config;
    const found = oidc.discovery(new URL(provider.issuer), provider.clientId, provider.clientSecret.reveal(), undefined, {
      [oidc.customFetch]: this.#fetch as oidc.CustomFetch,
      timeout: httpTimeoutMs / 1_000,
    });
    const config = await this.#asked(provider, 'OAUTH_UNAVAILABLE', found);
    this.#known.set(provider.id, { config, until: performance.now() + metadataMs });
    return config;
  }

  async #asked<T>({ id }: OAuthProvider, ifOver: ErrorCode, asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      // openid-client says by these that it was called wrongly.
      if (error instanceof TypeError) throw error;
      const fault = oauthFault(error, ifOver);
      this.logger.warn({ provider: id, code: fault.code, said: wordOf(error), status: statusOf(error) }, 'a provider refused');
      throw fault;
    }
  }
}

/** What an error of openid-client means; `ifOver` where the provider says that this grant is no good any more. */
export function oauthFault(error: unknown, ifOver: ErrorCode): Fault {
  if (error instanceof oidc.AuthorizationResponseError)
    return faultOf(passing.includes(error.error) ? 'OAUTH_UNAVAILABLE' : 'SIGN_IN_REFUSED');
  // 401 with a challenge: it is not the grant that is refused, but who asks.
  if (error instanceof oidc.WWWAuthenticateChallengeError) return faultOf('OAUTH_SETUP');
  if (!(error instanceof oidc.ResponseBodyError)) return faultOf('OAUTH_UNAVAILABLE', retryAfterMs(answerOf(error)));
  const { status, response } = error;
  if (status >= 500 || status === 429 || passing.includes(error.error)) return faultOf('OAUTH_UNAVAILABLE', retryAfterMs(response));
  return faultOf(over.includes(error.error) ? ifOver : 'OAUTH_SETUP');
}

/** Seconds alone: a date would need the provider's clock. */
function retryAfterMs(answer: Response | undefined): number | undefined {
  const seconds = Number(answer?.headers.get('retry-after') || Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1_000, maxRetryAfterMs) : undefined;
}

/** For the log: a code of the protocol, and no word more. */
function wordOf(error: unknown): string | undefined {
  const { error: word, code } = error as { error?: unknown; code?: unknown };
  return [word, code].find((one): one is string => typeof one === 'string' && /^\w{1,60}$/.test(one));
}

/** What it answered, where that was not what the protocol says. */
function answerOf(error: unknown): Response | undefined {
  const { cause } = (error ?? {}) as { cause?: unknown };
  return cause instanceof Response ? cause : undefined;
}

function statusOf(error: unknown): number | undefined {
  const { status } = error as { status?: unknown };
  return typeof status === 'number' ? status : answerOf(error)?.status;
}

function addressesIn(claims: Record<string, unknown>): string[] {
  const email = claims['email_verified'] === false ? undefined : claims['email'];
  return [email, claims['preferred_username'], claims['upn']].filter((one): one is string => typeof one === 'string' && one.includes('@'));
}
