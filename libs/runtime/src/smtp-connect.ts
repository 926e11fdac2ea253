// Opens SMTP sessions the only way they are opened here: encrypted, logged in, to a checked address.
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { Fault } from '@rejoinder/base/fault';
import { faultOf, type ErrorCode } from '@rejoinder/contracts/catalogue';
import { ofToken, type MailLogin } from './imap-connect.js';
import { checkServer } from './mail-host.js';
import type { MailNetwork } from './mail-settings.js';
import { connectionCode, tlsCode } from './mail-trouble.js';

const connectionTimeoutMs = 15_000;
const greetingTimeoutMs = 10_000;
/** A server may take minutes over the final dot (RFC 5321 §4.5.3.2.6 says 10); shorter is what people wait. */
const defaultSocketTimeoutMs = 120_000;
const maxResponseBytes = 64_000;
/** No name of a machine of ours is told to strangers. */
const helloName = '[127.0.0.1]';

export interface SmtpSession {
  socketTimeoutMs?: number;
}

/** Connected, encrypted and logged in, or a Fault of the catalogue. Whoever gets it calls quit() or close(). */
export async function connectSmtp(login: MailLogin, network: MailNetwork, session: SmtpSession = {}): Promise<SMTPConnection> {
  const { address, port, security, servername } = await checkServer(login.server, network);
  const connection = new SMTPConnection({
    host: address,
    port,
    servername,
    ...(security === 'tls' ? { secure: true } : { secure: false, requireTLS: true }),
    tls: { secureContext: network.secureContext, rejectUnauthorized: true },
    name: helloName,
    logger: false,
    connectionTimeout: connectionTimeoutMs,
    greetingTimeout: greetingTimeoutMs,
    socketTimeout: session.socketTimeoutMs ?? defaultSocketTimeoutMs,
    maxResponseSize: maxResponseBytes,
    ...(login.accessToken ? { customAuth: { XOAUTH2: (session) => sayToken(session, login) } } : {}),
  });
  // Each step has its own listener; an event between two steps that nobody hears would end the process.
  connection.on('error', () => undefined);
  try {
    await settled(connection, (done) => connection.connect(done));
    await settled(connection, (done) => connection.login(authOf(login), done));
    return connection;
  } catch (error) {
    connection.close();
    throw login.accessToken ? ofToken(smtpFault(error)) : smtpFault(error);
  }
}

function authOf({ username: user, password, accessToken }: MailLogin): SMTPConnection.AuthenticationType {
  // That nodemailer chooses XOAUTH2 takes an oauth2; what is said is said below.
  return {
    user,
    ...(accessToken ? { oauth2: {} } : { credentials: { user, pass: password.reveal() } }),
  } as SMTPConnection.AuthenticationType;
}

/** nodemailer's own XOAUTH2 says a token that was refused a second time. */
async function sayToken({ sendCommand }: SMTPConnection.CustomAuthenticationContext, { username, accessToken }: MailLogin): Promise<void> {
  const said = [`user=${username}`, `auth=Bearer ${accessToken?.reveal() ?? ''}`, '', ''].join('\x01');
  const answer = await sendCommand(`AUTH XOAUTH2 ${Buffer.from(said).toString('base64')}`);
  // 334 brings why it is refused; the refusal itself comes after an empty line.
  const last = answer.status === 334 ? await sendCommand('') : answer;
  if (last.status !== 235) throw new Error('the access token was refused');
}

/** A step of the session as a promise: nodemailer tells of a broken session by its event, of a refusal by its callback. */
export function settled<T>(
  connection: SMTPConnection,
  step: (done: (error?: Error | null, value?: T) => void) => void,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    connection.once('error', reject);
    step((error, value) => {
      connection.off('error', reject);
      if (error) reject(error);
      else resolve(value);
    });
  });
}

interface SmtpError {
  code?: string;
  originalCode?: string;
  command?: string;
  response?: string;
  responseCode?: number;
  message?: string;
  cause?: { code?: string };
}

/** What an error of nodemailer means; the server's words are searched and never shown. */
export function smtpFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return faultOf(smtpCode((error ?? {}) as SmtpError));
}

function smtpCode(error: SmtpError): ErrorCode {
  const tls = tlsCode(error.originalCode) ?? tlsCode(error.cause?.code);
  if (tls) return tls;
  if (error.response?.startsWith('+OK')) return 'POP3_REFUSED';
  if (error.responseCode) return answerCode(error.responseCode, error.response ?? '', error);
  if (error.code === 'ETLS') return /certificate|altname|self.signed/i.test(error.message ?? '') ? 'TLS_CERT' : 'TLS_REQUIRED';
  if (error.code === 'EMESSAGE' && error.command === 'MAIL FROM') return 'TOO_LARGE';
  return connectionCode(error.originalCode) ?? connectionCode(error.code) ?? 'SERVER_BROKEN';
}

/** By the code of the reply, its enhanced status (RFC 3463) where a provider tells more by it, and what it answered. */
function answerCode(reply: number, words: string, { code, command }: SmtpError): ErrorCode {
  if (code === 'ETLS') return 'TLS_REQUIRED';
  if (/too many (simultaneous |concurrent )?(connections|sessions)|\b4\.7\.0 .*connections/i.test(words)) return 'TOO_MANY_CONNECTIONS';
  if (code === 'EAUTH') return refusalCode(reply, words);
  // Gmail's limit of a day is a 550 5.4.5 that passes by itself.
  if (/\b5\.4\.5\b|\b4\.5\.3\b|\b4\.2\.2\b/.test(words)) return 'QUOTA';
  if (reply === 421 || (reply >= 400 && reply < 500 && /\b4\.7\.\d+\b/.test(words))) return 'THROTTLED';
  if (reply < 500) return 'UNAVAILABLE';
  if (reply === 552 || /\b5\.3\.4\b/.test(words)) return 'TOO_LARGE';
  if (reply === 530 || /\b5\.7\.57\b/.test(words)) return 'AUTH_REJECTED';
  return command === 'RCPT TO' ? 'RECIPIENT_REFUSED' : 'MAIL_REFUSED';
}

function refusalCode(reply: number, words: string): ErrorCode {
  // 454 4.7.0 is a temporary failure of the server's own checking (RFC 4954 §6).
  if (reply < 500) return reply === 421 ? 'THROTTLED' : 'UNAVAILABLE';
  if (/application.specific password|app(lication)? password|authori[sz]ation code|\b5\.7\.9\b/i.test(words)) return 'APP_PASSWORD_NEEDED';
  // Microsoft: basic authentication is off for the tenant, the mailbox, or for good.
  if (/\b5\.7\.(139|30|57)\b|basic authentication/i.test(words)) return 'OAUTH_ONLY';
  return 'AUTH_REJECTED';
}
