// Tries both servers for real: logs in, lists folders, and says in one sentence each what came of it.
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { within } from '@rejoinder/base/wait';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { connectImap, imapFault } from '@rejoinder/runtime/imap-connect';
import { checkServer, type MailServer } from '@rejoinder/runtime/mail-host';
import { openMailNetwork, type MailNetwork } from '@rejoinder/runtime/mail-settings';
import { connectSmtp } from '@rejoinder/runtime/smtp-connect';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { ConnectionsSettings } from './config.js';
import type { CheckedLogin } from './login.js';

export interface LiveCheck {
  protocol: 'imap' | 'smtp';
  passed: boolean;
  code: string;
  detail: string;
}

export interface LiveTest {
  checks: LiveCheck[];
  capabilities: string[];
}

const limitMs = 25_000;
const logoutMs = 2_000;
const greetingMs = 3_000;
const maxCapabilities = 100;
const capabilityForm = /^[A-Za-z0-9=+./-]{1,40}$/;
/** Faults behind which a POP3 server may stand: it greets, but not as IMAP does. */
const perhapsPop3 = ['TIMEOUT', 'SERVER_BROKEN', 'CONNECTION_LOST'];

@Injectable()
export class VerifyClient {
  readonly #network: MailNetwork;
  #running = 0;

  constructor(@Inject(SETTINGS) private readonly settings: ConnectionsSettings) {
    this.#network = openMailNetwork(settings);
  }

  /** Both servers at the same time. Refuses only where too many tests run already. */
  async test(login: CheckedLogin): Promise<LiveTest> {
    if (this.#running >= this.settings.liveTests)
      throw new Fault('busy', 'TESTS_BUSY', 'Too many logins are being tested. Try again.', limitMs);
    this.#running++;
    try {
      let capabilities: string[] = [];
      const imap = checked('imap', async () => (capabilities = await this.#imap(login)));
      const smtp = checked('smtp', () => this.#smtp(login));
      const checks = await Promise.all([imap, smtp]);
      return { checks, capabilities };
    } finally {
      this.#running--;
    }
  }

  /** Logs in, sees that folders can be listed and that there is an INBOX; answers what the server can do. */
  async #imap({ imap: server, username, password }: CheckedLogin): Promise<string[]> {
    const session = { disableAutoIdle: true, disableCompression: true };
    const client = await connectImap({ server, username, password }, this.#network, session).catch((fault: Fault) =>
      this.#orPop3(server, fault),
    );
    try {
      const folders = await client.list();
      if (!folders.some(({ path }) => path.toUpperCase() === 'INBOX')) throw faultOf('SERVER_BROKEN');
      return [...client.capabilities.keys()]
        .filter((name) => capabilityForm.test(name))
        .slice(0, maxCapabilities)
        .sort();
    } catch (error) {
      throw imapFault(error);
    } finally {
      // The test is over: how the server says goodbye changes nothing.
      await within(logoutMs, 'IMAP logout', client.logout()).catch(() => undefined);
      client.close();
    }
  }

  async #orPop3(server: CheckedLogin['imap'], fault: Fault): Promise<never> {
    const isPop3 = perhapsPop3.includes(fault.code) && (await greetsAsPop3(server, this.#network));
    throw isPop3 ? faultOf('POP3_REFUSED') : fault;
  }

  async #smtp({ smtp: server, username, password }: CheckedLogin): Promise<void> {
    const connection = await connectSmtp({ server, username, password }, this.#network);
    connection.quit();
  }
}

/** A refusal is a value here; only a bug goes up. */
async function checked(protocol: LiveCheck['protocol'], test: () => Promise<unknown>): Promise<LiveCheck> {
  try {
    await within(limitMs, `testing ${protocol.toUpperCase()}`, test());
    return { protocol, passed: true, code: '', detail: '' };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { code, message } = error.code === 'TIMEOUT' ? faultOf('TIMEOUT') : error;
    return { protocol, passed: false, code, detail: message };
  }
}

export const allPassed = (checks: LiveCheck[]): boolean => checks.every(({ passed }) => passed);

/** Whether the server greets as POP3 does (RFC 1939 §4); false where it says nothing or something else. */
async function greetsAsPop3(server: MailServer, network: MailNetwork): Promise<boolean> {
  const { address, port, security, servername } = await checkServer(server, network);
  const socket =
    security === 'tls'
      ? connectTls({ host: address, port, servername, secureContext: network.secureContext })
      : connectPlain({ host: address, port });
  return (await firstBytes(socket)).startsWith('+OK');
}

function firstBytes(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const answer = (text: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(() => answer(''), greetingMs);
    socket.once('data', (data) => answer(data.toString('latin1', 0, 3)));
    // Why it cannot be reached was told by the check before.
    socket.on('error', () => answer(''));
    socket.once('close', () => answer(''));
  });
}
