// Tries both servers for real: logs in, lists folders, and says in one sentence each what came of it.
import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { within } from '@rejoinder/base/wait';
import { explain, faultOf } from '@rejoinder/contracts/catalogue';
import { connectImap, imapFault } from '@rejoinder/runtime/imap-connect';
import type { MailServer } from '@rejoinder/runtime/mail-host';
import { openMailNetwork, type MailNetwork } from '@rejoinder/runtime/mail-settings';
import { connectSmtp } from '@rejoinder/runtime/smtp-connect';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { ConnectionsSettings } from './config.js';
import { bothProtocols, type CheckedLogin, type Protocol } from './login/login.js';
import { FairSlots } from './fair-slots.js';
import { PortClient } from './ports/port-client.js';

export interface LiveCheck {
  protocol: Protocol;
  passed: boolean;
  code: string;
  detail: string;
  action: string;
  /** host:port. */
  server: string;
}

export interface LiveTest {
  checks: LiveCheck[];
  capabilities: string[];
  sizeLimitBytes: bigint;
}

const limitMs = 25_000;
const logoutMs = 2_000;
const maxCapabilities = 100;
const capabilityForm = /^[A-Za-z0-9=+./-]{1,40}$/;

@Injectable()
export class VerifyClient {
  readonly #network: MailNetwork;
  readonly #slots: FairSlots;

  constructor(
    @Inject(SETTINGS) settings: ConnectionsSettings,
    private readonly ports: PortClient,
  ) {
    this.#network = openMailNetwork(settings);
    this.#slots = new FairSlots(settings.liveTests);
  }

  /** Both servers at the same time, or one alone. Refuses only where the tenant has too many tests running already. */
  async test(tenantId: string, login: CheckedLogin, protocols: readonly Protocol[] = bothProtocols): Promise<LiveTest> {
    return this.#slots.through(tenantId, () => this.#test(login, protocols));
  }

  async #test(login: CheckedLogin, protocols: readonly Protocol[]): Promise<LiveTest> {
    let capabilities: string[] = [];
    let limit = 0;
    const tests = {
      imap: async () => (capabilities = await this.#imap(login)),
      smtp: async () => (limit = await this.#smtp({ ...login, ...login.smtpSignIn })),
    };
    const checks = await Promise.all(protocols.map((protocol) => checked(protocol, login[protocol], tests[protocol])));
    return { checks, capabilities, sizeLimitBytes: BigInt(limit) };
  }

  /** Logs in, sees that folders can be listed and that there is an INBOX; answers what the server can do. */
  async #imap({ imap: server, username, password, accessToken }: CheckedLogin): Promise<string[]> {
    const session = { disableAutoIdle: true, disableCompression: true };
    const login = connectImap({ server, username, password, accessToken }, this.#network, session);
    const client = await this.ports.orWhyNot('imap', server, login, (late) => late.close());
    try {
      const folders = await client.list();
      if (!folders.some(({ path }) => path.toUpperCase() === 'INBOX')) throw faultOf('SERVER_BROKEN');
      return [...client.capabilities.entries()]
        .map(([name, value]) => (typeof value === 'number' ? `${name}=${value}` : name))
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

  /** Logs in; answers how large a mail the server takes, as it says (RFC 1870), or 0. */
  async #smtp({ smtp: server, username, password, accessToken }: CheckedLogin): Promise<number> {
    const login = connectSmtp({ server, username, password, accessToken }, this.#network);
    const connection = await this.ports.orWhyNot('smtp', server, login, (late) => late.close());
    connection.quit();
    // nodemailer keeps it to itself.
    return (connection as unknown as { _maxAllowedSize?: number })._maxAllowedSize ?? 0;
  }
}

/** A refusal is a value here; only a bug goes up. */
async function checked(protocol: Protocol, { host, port }: MailServer, test: () => Promise<unknown>): Promise<LiveCheck> {
  const server = `${host}:${port}`;
  try {
    await within(limitMs, `testing ${protocol.toUpperCase()}`, test());
    return { protocol, passed: true, code: '', detail: '', action: '', server };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { code, message } = error.code === 'TIMEOUT' ? faultOf('TIMEOUT') : error;
    return { protocol, passed: false, code, detail: message, action: instead(code), server };
  }
}

/** What to type or choose instead; a login that was refused has typed nothing wrong but itself. */
function instead(code: string): string {
  const entry = explain(code);
  return entry && entry.kind !== 'denied' ? entry.action : '';
}

export const allPassed = (checks: LiveCheck[]): boolean => checks.every(({ passed }) => passed);
