// Looks at what a port speaks where a login is slow or fails as it does on a wrong port; nothing secret is said there.
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { delay } from '@rejoinder/base/wait';
import { faultOf, type ErrorCode } from '@rejoinder/contracts/catalogue';
import { checkServer, type MailServer } from '@rejoinder/runtime/mail-host';
import { openMailNetwork, type MailNetwork } from '@rejoinder/runtime/mail-settings';
import { tlsCode } from '@rejoinder/runtime/mail-trouble';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { ConnectionsSettings } from '../config.js';
import { isCalledPop3, languageOf, mismatch, type Protocol, type Spoken } from './spoken.js';

/** A login that takes longer may stand before a port that waits for the other side to speak first. */
const patienceMs = 2_500;
const wordsMs = 3_000;
/** A web server says nothing until it is asked. */
const askAfterMs = 1_000;
const maxWords = 100;
/** Some mail servers let those wait who speak first, and hold it against them: a web server is looked for on other ports alone. */
const mailPorts: readonly number[] = [25, 110, 143, 465, 587, 993, 995, 2525];
const suspicious: readonly string[] = ['TIMEOUT', 'SERVER_BROKEN', 'CONNECTION_LOST', 'TLS_REQUIRED', 'REFUSED'] satisfies ErrorCode[];

@Injectable()
export class PortClient {
  readonly #network: MailNetwork;

  constructor(@Inject(SETTINGS) settings: ConnectionsSettings) {
    this.#network = openMailNetwork(settings);
  }

  /** The session of this login, or the Fault that says what is wrong with its port. A session that comes too late is dropped. */
  async orWhyNot<T>(protocol: Protocol, server: MailServer, login: Promise<T>, drop: (session: T) => void): Promise<T> {
    const waited = new AbortController();
    const ended = login.then(
      () => undefined,
      (error: unknown) => error,
    );
    const outcome = await Promise.race([ended, delay(patienceMs, waited.signal).then(() => 'slow' as const)]);
    waited.abort();
    if (outcome !== 'slow' && !(outcome instanceof Fault && suspicious.includes(outcome.code))) return login;
    const wrong = await this.#wrong(protocol, server);
    if (wrong === undefined) return login;
    login.then(drop, () => undefined);
    throw faultOf(wrong);
  }

  async #wrong(protocol: Protocol, server: MailServer): Promise<ErrorCode | undefined> {
    const spoken = await this.#spokenAt(server).catch(unlessFault);
    if (spoken) return mismatch(protocol, server, spoken);
    return isCalledPop3(protocol, server) ? 'POP3_REFUSED' : undefined;
  }

  /** Both ways are tried at once, since a port speaks in one of them only; undefined where it says nothing that is known. */
  async #spokenAt(server: MailServer): Promise<Spoken | undefined> {
    const { address: host, port, servername } = await checkServer(server, this.#network);
    const question = mailPorts.includes(port) ? undefined : 'HEAD / HTTP/1.0\r\n\r\n';
    const { secureContext } = this.#network;
    const ways = [
      spokenOn(connectPlain({ host, port }), 'starttls', question),
      spokenOn(connectTls({ host, port, servername, secureContext }), 'tls', question),
    ];
    // Whoever says something known first; where one says nothing, the other is waited for.
    const orOther = async (way: Promise<Spoken | undefined>) => (await way) ?? (await Promise.all(ways)).find((one) => one !== undefined);
    return Promise.race(ways.map(orOther));
  }
}

/** Why it cannot be reached was told by the login. */
function unlessFault(error: unknown): undefined {
  if (!(error instanceof Fault)) throw error;
}

/** What is said within seconds. A certificate that is refused says that TLS is spoken, and no more. */
function spokenOn(socket: Socket, security: MailServer['security'], question: string | undefined): Promise<Spoken | undefined> {
  return new Promise((resolve) => {
    const answer = (spoken: Spoken | undefined) => {
      clearTimeout(limit);
      clearTimeout(asking);
      socket.destroy();
      resolve(spoken);
    };
    const limit = setTimeout(() => answer(undefined), wordsMs);
    const asking = setTimeout(() => question && socket.write(question), askAfterMs);
    socket.once('data', (data) => {
      const language = languageOf(data.toString('latin1', 0, maxWords));
      answer(language && { security, language });
    });
    socket.on('error', (error: { code?: string }) => answer(tlsCode(error.code) === 'TLS_CERT' ? { security } : undefined));
    socket.once('close', () => answer(undefined));
  });
}
