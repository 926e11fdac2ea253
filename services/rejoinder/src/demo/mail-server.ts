// The demo's mail server: one mailbox over IMAP and SMTP with TLS on 127.0.0.1, kept in a file between runs.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import hoodiecrow, { type ImapServer, type Mailbox, type Message } from 'hoodiecrow-imap';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { DemoCertificate } from './certificate.js';

/** A mail that the demo's owner sent, as the SMTP server took it. */
export interface Submitted {
  from: string;
  to: string[];
  raw: Buffer;
}

export interface MailServerOptions {
  folder: string;
  certificate: DemoCertificate;
  user: string;
  password: string;
  imapPort: number;
  smtpPort: number;
  onSubmitted: (mail: Submitted) => void;
}

const maxMailBytes = 30_000_000;
const keptMails = 100;
const saveAfterMs = 200;
const plugins = ['ID', 'AUTH-PLAIN', 'SASL-IR', 'IDLE', 'UIDPLUS', 'SPECIAL-USE', 'LITERALPLUS', 'ENABLE', 'UNSELECT'];
const host = '127.0.0.1';

interface Kept {
  uidvalidity: number;
  uidnext: number;
  messages: Message[];
}

/** Started once per process; mail and UIDs survive a restart, as a real server's would. */
export class DemoMailServer {
  readonly #imap: ImapServer;
  readonly #smtp: SMTPServer;
  readonly #file: string;
  #save: NodeJS.Timeout | undefined;

  private constructor(private readonly options: MailServerOptions) {
    this.#file = join(options.folder, 'mailbox.json');
    const kept = this.#load();
    const { key, cert } = options.certificate;
    this.#imap = hoodiecrow({
      secureConnection: true,
      credentials: { key, cert },
      plugins,
      users: { [options.user]: { password: options.password } },
      storage: {
        INBOX: mailbox(kept.INBOX),
        '': {
          separator: '/',
          folders: { Sent: mailbox(kept.Sent, '\\Sent'), Drafts: mailbox(undefined, '\\Drafts'), Trash: mailbox(undefined, '\\Trash') },
        },
      },
    });
    this.#imap.server.on('secureConnection', (socket) => socket.setNoDelay(true));
    this.#smtp = new SMTPServer({
      secure: true,
      key,
      cert,
      size: maxMailBytes,
      onAuth: ({ username, password }, _session, done) =>
        username === options.user && password === options.password
          ? done(null, { user: username })
          : done(new Error('535 5.7.8 Wrong user or password')),
      onData: (stream, session, done) => this.#take(stream, session, done),
    });
    this.#smtp.on('error', () => undefined);
  }

  static async start(options: MailServerOptions): Promise<DemoMailServer> {
    const server = new DemoMailServer(options);
    await new Promise<void>((resolve) => server.#imap.listen(options.imapPort, host, resolve));
    await new Promise<void>((resolve) => server.#smtp.listen(options.smtpPort, host, resolve));
    return server;
  }

  /** Puts a mail into the inbox, as if it had just come. */
  deliver(raw: Buffer): void {
    this.#imap.appendMessage('INBOX', [], undefined, raw.toString('binary'));
    this.#saveSoon();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#save);
    this.#write();
    await new Promise<void>((resolve) => this.#smtp.close(resolve));
    this.#imap.close(() => undefined);
  }

  #take(stream: SMTPServerDataStream, session: SMTPServerSession, done: (error?: Error | null) => void): void {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      if (stream.sizeExceeded) return done(new Error('552 5.3.4 The demo takes mails up to 30 MB'));
      const { mailFrom, rcptTo } = session.envelope;
      this.options.onSubmitted({
        from: mailFrom ? mailFrom.address : '',
        to: rcptTo.map((one) => one.address),
        raw: Buffer.concat(chunks),
      });
      this.#saveSoon();
      done();
    });
  }

  #load(): Partial<Record<'INBOX' | 'Sent', Kept>> {
    return existsSync(this.#file) ? (JSON.parse(readFileSync(this.#file, 'utf8')) as Record<'INBOX' | 'Sent', Kept>) : {};
  }

  #saveSoon(): void {
    this.#save ??= setTimeout(() => {
      this.#save = undefined;
      this.#write();
    }, saveAfterMs);
  }

  #write(): void {
    const kept = Object.fromEntries(['INBOX', 'Sent'].map((path) => [path, keep(this.#imap.getMailbox(path)!)]));
    writeFileSync(`${this.#file}.new`, JSON.stringify(kept), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function mailbox(kept: Kept | undefined, specialUse?: string): Mailbox {
  return {
    uidvalidity: kept?.uidvalidity ?? Math.floor(Date.now() / 1_000),
    uidnext: kept?.uidnext ?? 1,
    messages: kept?.messages ?? [],
    ...(specialUse ? { 'special-use': specialUse } : {}),
  };
}

/** The newest mails; UIDs go on from where they were. */
function keep({ uidvalidity, uidnext, messages }: Required<Mailbox>): Kept {
  return {
    uidvalidity,
    uidnext,
    messages: messages.slice(-keptMails).map(({ uid, flags, internaldate, raw }) => ({ uid, flags, internaldate, raw })),
  };
}

/** A port of 127.0.0.1 that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
