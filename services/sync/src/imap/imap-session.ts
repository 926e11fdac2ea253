// One logged-in IMAP connection, with the few commands that are used here; whatever fails is a Fault of the catalogue.
import type { ImapFlow, FetchMessageObject, FetchQueryObject, ListResponse, MailboxObject, StatusObject } from 'imapflow';
import { delay } from '@rejoinder/base/wait';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { HEADER_FIELDS } from '@rejoinder/mail/headers';
import type { StructureNode } from '@rejoinder/mail/part';
import { connectImap, imapFault, type MailLogin } from '@rejoinder/runtime/imap-connect';
import type { MailNetwork } from '@rejoinder/runtime/mail-settings';

/** What is looked at of every mail: named header fields, and neither body, ENVELOPE nor BODYSTRUCTURE. */
export interface SeenMail {
  uid: number;
  flags: ReadonlySet<string>;
  /** INTERNALDATE; undefined where the server gave none that can be read. */
  receivedAt: Date | undefined;
  sizeBytes: number;
  header: Buffer;
}

export interface SectionQuery {
  section: string;
  start: number;
  maxBytes: number;
}

const headerQuery: FetchQueryObject = { uid: true, flags: true, internalDate: true, size: true, headers: [...HEADER_FIELDS] };
/** Servers without IDLE are asked this often. */
const noopEveryMs = 10_000;
const logoutTimeoutMs = 2_000;

export class ImapSession {
  /** Called on EXISTS with how many mails more there are, on a flag that was set, and when the connection is gone. */
  onExists: (more: number) => void = () => undefined;
  onFlags: (flags: ReadonlySet<string>) => void = () => undefined;
  onClose: () => void = () => undefined;
  /** How often a folder was opened: each time what came before is told by the answer, not by EXISTS. */
  opens = 0;
  /** An IDLE that has not ended. */
  #idling: Promise<void> | undefined;

  private constructor(private readonly client: ImapFlow) {
    client.on('exists', ({ count, prevCount }) => this.onExists(count - prevCount));
    client.on('flags', ({ flags }) => this.onFlags(flags));
    client.on('close', () => this.onClose());
  }

  static async connect(login: MailLogin, network: MailNetwork): Promise<ImapSession> {
    return new ImapSession(await connectImap(login, network, { disableAutoIdle: true, disableCompression: true }));
  }

  usable(): boolean {
    return this.client.usable;
  }

  has(capability: string): boolean {
    return this.client.capabilities.has(capability);
  }

  /** Path of the folder that is open. */
  selected(): string | undefined {
    return this.client.mailbox ? this.client.mailbox.path : undefined;
  }

  /** UIDVALIDITY of the folder, opened if it is not; while it is open it cannot change. */
  async uidValidity(path: string): Promise<bigint> {
    const open = this.client.mailbox && this.client.mailbox.path === path ? this.client.mailbox : await this.open(path);
    return open.uidValidity ?? 0n;
  }

  folders(): Promise<ListResponse[]> {
    return this.#do(() => this.client.list());
  }

  /** Opens a folder for reading alone, also if it is open, so that its state is the server's of now. */
  open(path: string): Promise<MailboxObject> {
    this.opens++;
    return this.#do(() => this.client.mailboxOpen(path, { readOnly: true }));
  }

  status(path: string): Promise<StatusObject | false> {
    return this.#do(() => this.client.status(path, { uidNext: true, uidValidity: true, messages: true }));
  }

  create(path: string): Promise<unknown> {
    return this.#do(() => this.client.mailboxCreate(path));
  }

  /**
   * Header fields of a UID range of the open folder, at most so many; those that have gone are left out. A server may tell changed flags among the answers
   * (RFC 3501 7.4.2): imapflow gives these as messages too.
   */
  async headers(range: string, limit: number): Promise<SeenMail[]> {
    return this.#do(async () => {
      const mails: SeenMail[] = [];
      for await (const message of this.client.fetch(range, headerQuery, { uid: true })) {
        if (!isAnswer(message)) this.onFlags(message.flags ?? new Set());
        else if (mails.length < limit) mails.push(seenMail(message));
      }
      return mails;
    });
  }

  /** UIDs of the open folder, ascending. */
  async uids(query: { from?: number; since?: Date; keyword?: string; header?: Record<string, string> }): Promise<number[]> {
    const { from, ...criteria } = query;
    // imapflow refuses criteria that are there but undefined.
    const given = Object.entries({ ...criteria, uid: from === undefined ? undefined : `${from}:*` }).filter(
      ([, value]) => value !== undefined,
    );
    const search = given.length > 0 ? Object.fromEntries(given) : { all: true };
    const found = await this.#do(() => this.client.search(search, { uid: true }));
    if (!found) return [];
    return found.filter((one) => from === undefined || one >= from).sort((a, b) => a - b);
  }

  /** Header fields, size and structure of one mail that may be read; undefined where it is gone. */
  async structure(uid: number): Promise<(SeenMail & { root: StructureNode | undefined }) | undefined> {
    const message = await this.#do(() => this.client.fetchOne(String(uid), { ...headerQuery, bodyStructure: true }, { uid: true }));
    return message && message.uid === uid ? { ...seenMail(message), root: message.bodyStructure } : undefined;
  }

  /** Sections of one mail, each by the name it was asked by; undefined where the mail is gone. */
  async sections(uid: number, queries: SectionQuery[]): Promise<Map<string, Buffer> | undefined> {
    const bodyParts = queries.map(({ section, start, maxBytes }) => ({ key: section, start, maxLength: maxBytes }));
    const message = await this.#do(() => this.client.fetchOne(String(uid), { uid: true, bodyParts }, { uid: true }));
    if (!message || message.uid !== uid) return undefined;
    const parts = message.bodyParts ?? new Map<string, Buffer>();
    return new Map(queries.map(({ section }) => [section, parts.get(section.toLowerCase()) ?? Buffer.alloc(0)]));
  }

  append(path: string, mime: Buffer, at: Date): Promise<unknown> {
    return this.#do(() => this.client.append(path, mime, ['\\Seen'], at));
  }

  /** Waits in IDLE on the open folder until woken, or so long. The next command ends the IDLE. */
  async idle(ms: number, woken: Promise<void>): Promise<void> {
    const ended = new AbortController();
    try {
      if (this.has('IDLE')) {
        // Woken for nothing, the IDLE of before goes on: only a command ends it.
        this.#idling ??= this.#startIdle();
        await Promise.race([woken, delay(ms, ended.signal), this.#idling]);
      } else {
        await Promise.race([woken, delay(Math.min(ms, noopEveryMs), ended.signal)]);
        await this.#do(() => this.client.noop());
      }
    } finally {
      ended.abort();
    }
  }

  async #startIdle(): Promise<void> {
    try {
      await this.client.idle();
    } catch {
      // The connection broke: the next command says so.
    } finally {
      this.#idling = undefined;
    }
  }

  async close(): Promise<void> {
    const ended = new AbortController();
    if (this.client.usable) await Promise.race([this.client.logout().catch(() => undefined), delay(logoutTimeoutMs, ended.signal)]);
    ended.abort();
    this.client.close();
  }

  async #do<T>(command: () => Promise<T>): Promise<T> {
    if (!this.client.usable) throw faultOf('CONNECTION_LOST');
    try {
      return await command();
    } catch (error) {
      throw imapFault(error);
    }
  }
}

const isAnswer = ({ size, internalDate, headers }: FetchMessageObject): boolean =>
  size !== undefined || internalDate !== undefined || headers !== undefined;

function seenMail({ uid, flags, internalDate, size, headers }: FetchMessageObject): SeenMail {
  const received = internalDate === undefined ? undefined : new Date(internalDate);
  return {
    uid,
    flags: flags ?? new Set(),
    receivedAt: received && !Number.isNaN(received.getTime()) ? received : undefined,
    sizeBytes: Number.isSafeInteger(size) && size! > 0 ? size! : 0,
    header: headers ?? Buffer.alloc(0),
  };
}
