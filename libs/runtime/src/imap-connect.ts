// Opens IMAP sessions the only way they are opened here: encrypted, to a checked address, with bounds on what a server may send.
import { ImapFlow, type ImapFlowOptions } from 'imapflow';
import { Fault } from '@rejoinder/base/fault';
import type { Private } from '@rejoinder/base/private';
import { faultOf, type ErrorCode } from '@rejoinder/contracts/catalogue';
import { checkServer, type MailServer } from './mail-host.js';
import type { MailNetwork } from './mail-settings.js';
import { connectionCode, tlsCode } from './mail-trouble.js';

export interface MailLogin {
  server: MailServer;
  username: string;
  /** Not looked at where there is an access token. */
  password: Private<string>;
  /** OAuth 2.0: said by OAUTHBEARER (RFC 7628) or XOAUTH2. */
  accessToken?: Private<string>;
}

/** What a caller may set for its session; all else is fixed here. */
export type ImapSession = Pick<
  ImapFlowOptions,
  | 'disableAutoIdle'
  | 'autoIdleDelay'
  | 'maxIdleTime'
  | 'missingIdleCommand'
  | 'qresync'
  | 'disableCompression'
  | 'socketTimeout'
  | 'verifyOnly'
  | 'includeMailboxes'
  | 'id'
> & {
  /** Called when a server asks for a pause in so many ms (Microsoft's "Suggested Backoff Time"): imapflow waits for half a minute of it before it says so. */
  onThrottled?: (pauseMs: number) => void;
};

// Without these an endless line of a broken server took 1.35 GB, with them 73 MB (measured).
const maxLineLength = 4_000_000;
const maxLiteralSize = 55_000_000;
const maxResponseSize = 60_000_000;

const connectionTimeoutMs = 15_000;
const greetingTimeoutMs = 10_000;
/** A command that gets no byte of an answer for this long ends the connection. */
const socketTimeoutMs = 60_000;
/** IDLE is renewed before the socket counts as dead. */
const maxIdleTimeMs = 45_000;

/** A client that is not connected yet: call connect(), and give what it throws to imapFault(). */
export async function imapClient(login: MailLogin, network: MailNetwork, { onThrottled, ...session }: ImapSession = {}): Promise<ImapFlow> {
  const { address, port, security, servername } = await checkServer(login.server, network);
  const client = new ImapFlow({
    socketTimeout: socketTimeoutMs,
    maxIdleTime: maxIdleTimeMs,
    ...session,
    host: address,
    port,
    servername,
    // Encrypted from the start, or not at all unless STARTTLS works: imapflow would else log in by plain text where a server hides STARTTLS.
    ...(security === 'tls' ? { secure: true } : { secure: false, doSTARTTLS: true }),
    tls: { secureContext: network.secureContext, rejectUnauthorized: true },
    auth: authOf(login),
    clientInfo: { name: 'Rejoinder', vendor: 'Rejoinder' },
    logger: onThrottled ? throttleEar(onThrottled) : false,
    connectionTimeout: connectionTimeoutMs,
    greetingTimeout: greetingTimeoutMs,
    maxLineLength,
    maxLiteralSize,
    maxResponseSize,
  });
  // Whatever breaks the session rejects the command in hand as well, and 'close' follows; an event nobody hears would end the process.
  client.on('error', () => undefined);
  return client;
}

/** imapflow tells of the pause a server asks for in no event, only in its log, which goes nowhere else. */
function throttleEar(onThrottled: (pauseMs: number) => void): ImapFlowOptions['logger'] {
  const deaf = () => undefined;
  const warn = (entry: { throttleDelay?: unknown }) => {
    if (typeof entry.throttleDelay === 'number') onThrottled(entry.throttleDelay);
  };
  // Levels that have no method are not written at all.
  return { warn, error: deaf, fatal: deaf } as unknown as ImapFlowOptions['logger'];
}

function authOf({ username: user, password, accessToken }: MailLogin): ImapFlowOptions['auth'] {
  return accessToken ? { user, accessToken: accessToken.reveal() } : { user, pass: password.reveal() };
}

/** Connected and logged in, or a Fault of the catalogue. */
export async function connectImap(login: MailLogin, network: MailNetwork, session: ImapSession = {}): Promise<ImapFlow> {
  const client = await imapClient(login, network, session);
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.close();
    throw login.accessToken ? ofToken(imapFault(error)) : imapFault(error);
  }
}

const ofPassword: readonly string[] = ['AUTH_REJECTED', 'APP_PASSWORD_NEEDED', 'OAUTH_ONLY'];

/** A server that refuses an access token speaks of passwords all the same, and of OAuth. */
export function ofToken(fault: Fault): Fault {
  return ofPassword.includes(fault.code) ? faultOf('OAUTH_REJECTED') : fault;
}

interface ImapError {
  code?: string;
  serverResponseCode?: string;
  responseStatus?: string;
  responseText?: string;
  response?: unknown;
  reason?: string;
  authenticationFailed?: boolean;
  tlsFailed?: boolean;
  throttleReset?: number;
}

const byResponseCode: Record<string, ErrorCode> = {
  THROTTLED: 'THROTTLED',
  OVERQUOTA: 'QUOTA',
  UNAVAILABLE: 'UNAVAILABLE',
  INUSE: 'UNAVAILABLE',
  SERVERBUG: 'UNAVAILABLE',
  CONTACTADMIN: 'UNAVAILABLE',
  PRIVACYREQUIRED: 'TLS_REQUIRED',
};
const refusals: readonly string[] = ['AUTHENTICATIONFAILED', 'AUTHORIZATIONFAILED', 'EXPIRED', 'NOPERM'];
const brokenCodes =
  /^(ParserError.*|LineTooLarge|LiteralTooLarge|ResponseTooLarge|TooManyTokens|TooManyResponses|InvalidResponse|MissingTag|UnexpectedTag|MAX_IMAP_NESTING_REACHED)$/;

/**
 * What an error of imapflow means. `authenticationFailed` alone proves nothing: it is set for NO [UNAVAILABLE] and NO [LIMIT] too (measured), so
 * the password is blamed only where the response code says so, or a server without response codes gives no other reason.
 */
export function imapFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const seen = (error ?? {}) as ImapError;
  return faultOf(imapCode(seen), seen.throttleReset);
}

function imapCode(error: ImapError): ErrorCode {
  const tls = tlsCode(error.code);
  if (tls) return tls;
  if (error.code === 'ETHROTTLE') return 'THROTTLED';
  const words = wordsOf(error);
  const said = responseCode(error, words);
  const known = said === undefined ? undefined : byResponseCode[said];
  if (/too many (simultaneous |concurrent )?(connections|sessions)|maximum number of connections/i.test(words))
    return 'TOO_MANY_CONNECTIONS';
  if (/throttl|bandwidth|rate.?limit|too many (requests|commands|login)/i.test(words)) return 'THROTTLED';
  if (known) return known;
  if (said === 'LIMIT') return error.authenticationFailed ? 'TOO_MANY_CONNECTIONS' : 'THROTTLED';
  if (error.tlsFailed || error.code === 'STARTTLS_INJECTION') return 'TLS_REQUIRED';
  if (error.authenticationFailed) return refusalCode(said, words);
  if (error.code && brokenCodes.test(error.code)) return 'SERVER_BROKEN';
  // imapflow's own word for a folder that is gone.
  if (error.code === 'NotFound') return 'UNAVAILABLE';
  return connectionCode(error.code) ?? (error.responseStatus ? 'UNAVAILABLE' : 'SERVER_BROKEN');
}

function refusalCode(said: string | undefined, words: string): ErrorCode {
  if (/application.specific password|app(lication)? password|authori[sz]ation code/i.test(words)) return 'APP_PASSWORD_NEEDED';
  if (/basic ?auth|oauth/i.test(words)) return 'OAUTH_ONLY';
  if (said !== undefined && refusals.includes(said)) return 'AUTH_REJECTED';
  return /temporar|try again|later|unavailable|busy|exceed|internal|server error|limit/i.test(words) ? 'UNAVAILABLE' : 'AUTH_REJECTED';
}

/** A FETCH refused as NO [THROTTLED] has its code in the parsed response alone (measured). */
function responseCode(error: ImapError, words: string): string | undefined {
  const response = error.response as { attributes?: { section?: { value?: unknown }[] }[] } | undefined;
  const parsed = typeof response === 'object' ? response?.attributes?.[0]?.section?.[0]?.value : undefined;
  const code = error.serverResponseCode ?? (typeof parsed === 'string' ? parsed : /\[([A-Z]+)[\] ]/i.exec(words)?.[1]);
  return code?.toUpperCase();
}

/** The server's words, to be searched and never shown. */
function wordsOf({ response, responseText, reason }: ImapError): string {
  return [typeof response === 'string' ? response : '', responseText ?? '', reason ?? ''].join(' ').slice(0, 2_000);
}
