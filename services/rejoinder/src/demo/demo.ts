// The demo: a mailbox to connect, a contact who answers, and a first mail, all through the public API as a user would do it.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { delay } from '@rejoinder/base/wait';
import type { Environment } from '@rejoinder/runtime/config';
import type { DemoSwitch } from '@rejoinder/runtime/tokens';
import { makeDemoCertificate, type DemoCertificate } from './certificate.js';
import { ada, answerOf } from './contact.js';
import { DemoMailServer, freePort, type Submitted } from './mail-server.js';

interface Facts {
  password: string;
  imapPort: number;
  smtpPort: number;
  /** The demo was begun once: its mail server runs from then on, since its inbox is connected. */
  begun: boolean;
}

interface Inbox {
  inbox_id: string;
  address: string;
  progress: { state: string } | null;
}

type Rest = (method: string, path: string, body?: object, headers?: Record<string, string>) => Promise<unknown>;

const owner = { name: 'Demo Owner', address: 'owner@example.org' };
const answerAfterMs = 1_500;
const liveWithinMs = 20_000;

export class Demo implements DemoSwitch {
  #server: DemoMailServer | undefined;
  #beginning: Promise<void> | undefined;
  #api: Rest | undefined;
  readonly #answers = new Set<NodeJS.Timeout>();

  private constructor(
    private readonly folder: string,
    private readonly facts: Facts,
    private readonly certificate: DemoCertificate,
  ) {}

  /** Reads what an earlier run left; starts the mail server if the demo was begun then. */
  static async open(folder: string): Promise<Demo> {
    const file = join(folder, 'demo.json');
    const facts = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as Facts)
      : { password: randomBytes(12).toString('base64url'), imapPort: await freePort(), smtpPort: await freePort(), begun: false };
    const demo = new Demo(folder, facts, await makeDemoCertificate());
    writeFileSync(join(folder, 'ca.pem'), demo.certificate.ca);
    demo.#save();
    if (facts.begun) await demo.#startServer();
    return demo;
  }

  /** What lets the services trust and reach the demo's server beside what is set already. */
  settings(env: Environment): Record<string, string> {
    const list = (name: string, fallback: string, more: string) => [env[name] ?? fallback, more].filter(Boolean).join(',');
    const { imapPort, smtpPort } = this.facts;
    return {
      REJOINDER_MAIL_CA_FILE: env.REJOINDER_MAIL_CA_FILE ?? join(this.folder, 'ca.pem'),
      REJOINDER_MAIL_ALLOWED_NETWORKS: list('REJOINDER_MAIL_ALLOWED_NETWORKS', '', '127.0.0.1/32,::1/128'),
      REJOINDER_MAIL_ALLOWED_PORTS: list('REJOINDER_MAIL_ALLOWED_PORTS', '993,143,465,587', `${imapPort},${smtpPort}`),
    };
  }

  /** Where the API is, and a key for it. */
  attach(base: string, apiKey: string): void {
    this.#api = async (method, path, body, headers = {}) => {
      const response = await fetch(`${base}${path}`, {
        method,
        headers: { authorization: `Bearer ${apiKey}`, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(30_000),
      });
      if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
      return response.json();
    };
  }

  state(): 'absent' | 'starting' | 'running' {
    if (this.#beginning) return 'starting';
    return this.#server ? 'running' : 'absent';
  }

  /** Whoever asks while it begins waits for the same; asked again later, it finds everything done. */
  begin(): Promise<void> {
    this.#beginning ??= this.#begin().finally(() => (this.#beginning = undefined));
    return this.#beginning;
  }

  /** One more mail, with the time in its subject: a start with --demo shows that all is at work. */
  async sendAnother(): Promise<void> {
    const { inbox_id: inboxId } = await this.#connect();
    await this.#untilLive(inboxId);
    await this.#call('POST', '/v1/mail', mailOf(inboxId, `Your offer, please (${new Date().toISOString().slice(11, 16)})`));
  }

  /** True to its word if it is done twice: the first mail of an inbox has a key of its own. */
  async #begin(): Promise<void> {
    await this.#startServer();
    const { inbox_id: inboxId } = await this.#connect();
    await this.#untilLive(inboxId);
    await this.#call('POST', '/v1/contacts', ada);
    await this.#call('POST', '/v1/mail', mailOf(inboxId, 'Your offer, please'), { 'idempotency-key': `demo ${inboxId}` });
  }

  async stop(): Promise<void> {
    for (const timer of this.#answers) clearTimeout(timer);
    await this.#server?.stop();
  }

  async #startServer(): Promise<void> {
    this.#server ??= await DemoMailServer.start({
      folder: this.folder,
      certificate: this.certificate,
      user: owner.address,
      password: this.facts.password,
      imapPort: this.facts.imapPort,
      smtpPort: this.facts.smtpPort,
      onSubmitted: (mail) => this.#answerSoon(mail),
    });
    this.facts.begun = true;
    this.#save();
  }

  async #connect(): Promise<Inbox> {
    const { inboxes } = (await this.#call('GET', '/v1/inboxes')) as { inboxes: Inbox[] };
    const connected = inboxes.find((inbox) => inbox.address === owner.address);
    if (connected) return connected;
    const server = (port: number) => ({ host: 'localhost', port, security: 'tls' });
    const { imapPort, smtpPort, password } = this.facts;
    const login = { address: owner.address, password, imap: server(imapPort), smtp: server(smtpPort), display_name: owner.name };
    return (await this.#call('POST', '/v1/inboxes', login)) as Inbox;
  }

  async #untilLive(inboxId: string): Promise<void> {
    for (const deadline = Date.now() + liveWithinMs; Date.now() < deadline; await delay(100)) {
      const inbox = (await this.#call('GET', `/v1/inboxes/${inboxId}`)) as Inbox;
      if (inbox.progress?.state === 'live') return;
    }
  }

  #answerSoon(mail: Submitted): void {
    const timer = setTimeout(() => {
      this.#answers.delete(timer);
      void answerOf(mail).then((answer) => answer && this.#server?.deliver(answer));
    }, answerAfterMs);
    this.#answers.add(timer);
  }

  #call(...asked: Parameters<Rest>): Promise<unknown> {
    if (!this.#api) throw new Error('the demo is used before the API is there');
    return this.#api(...asked);
  }

  #save(): void {
    writeFileSync(join(this.folder, 'demo.json'), JSON.stringify(this.facts), { mode: 0o600 });
  }
}

function mailOf(inboxId: string, subject: string): object {
  return {
    inbox_id: inboxId,
    to: [ada],
    subject,
    text: 'Dear Ada,\n\ncould you send us your current list, with the difference engine?\n\nKind regards,\nthe demo owner',
  };
}
