// One logged-in IMAP connection, with the few commands that are used here; whatever fails is a Fault of the catalogue.
import type { ImapFlow, FetchMessageObject, FetchQueryObject, ListResponse, StatusObject } from 'imapflow';
import { Fault } from '@rejoinder/base/fault';
import { delay } from '@rejoinder/base/wait';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { HEADER_FIELDS } from '@rejoinder/mail/headers';
import type { StructureNode } from '@rejoinder/mail/part';
import { connectImap, imapFault, type MailLogin } from '@rejoinder/runtime/imap-connect';
import type { MailNetwork } from '@rejoinder/runtime/mail-settings';
import { takeMails } from './lean-fetch.js';
import { hasLogKeyword } from './log-keyword.js';
import { parseUidSet, uidRanges, type UidRange } from './uid-ranges.js';

/** What is looked at of every mail: named header fields, and neither body, ENVELOPE nor BODYSTRUCTURE. */
export interface SeenMail {
  uid: number;
  flags: ReadonlySet<string>;
  /** INTERNALDATE; undefined where the server gave none that can be read. */
  receivedAt: Date | undefined;
  sizeBytes: number;
  header: Buffer;
  /** X-GM-LABELS, where Gmail's folders are labels. */
  labels?: ReadonlySet<string>;
}

/** A folder as the server has it at the moment it is opened. */
export interface OpenFolder {
  uidValidity: bigint;
  /** Some servers leave it out. */
  uidNext: number | undefined;
  exists: number;
  /** RFC 8474; empty where the server has none. */
  mailboxId: string;
  /** HIGHESTMODSEQ (RFC 7162); undefined where the folder has none. */
  modseq: bigint | undefined;
  /** What became of it since the state that was asked for; undefined where the server cannot tell. */
  changes: FolderChanges | undefined;
}

export interface FolderChanges {
  /** UIDs that are there no more; some may never have been known. */
  vanished: number[];
  /** UIDs whose flags have changed and that carry the keyword by which a person asks for logging. */
  marked: number[];
}

export interface SectionQuery {
  section: string;
  start: number;
  maxBytes: number;
}

const headerQuery = { uid: true, flags: true, internalDate: true, size: true, headers: [...HEADER_FIELDS] } satisfies FetchQueryObject;
/** Servers without IDLE are asked this often. */
const noopEveryMs = 10_000;
/**
 * An IDLE is renewed this often, and its end must be answered at once: so a half-open connection is found within a minute. It is also below the limit of
 * every server known: 55 s at 163.com and Rambler, 3 min at Yahoo, 30 min by RFC 2177.
 */
const renewIdleMs = 45_000;
const idleEndMs = 12_000;
/** A server that ends so many IDLEs in a row within this time, or refuses one, is asked by NOOP instead. */
const shortIdleMs = 1_000;
const maxShortIdles = 3;
/** A pause that the server wants and that is longer ends the session, which then says "slowed until"; a shorter one imapflow waits for. */
const longestPauseMs = 10_000;
const logoutTimeoutMs = 2_000;

export class ImapSession {
  /** Called on EXISTS with how many mails more there are, on a flag that was set, and when the connection is gone. */
  onExists: (more: number) => void = () => undefined;
  onFlags: (flags: ReadonlySet<string>) => void = () => undefined;
  onClose: () => void = () => undefined;
  /** A mail of the open folder was expunged: its UID where the server speaks QRESYNC. */
  onExpunge: (uid: number | undefined) => void = () => undefined;
  /** How often a folder was opened: each time what came before is told by the answer, not by EXISTS. */
  opens = 0;
  /** An IDLE that has not ended, and since when. */
  #idling: Promise<void> | undefined;
  #idleSince = 0;
  #shortIdles = 0;
  /** The last NO or BAD: imapflow answers false to some of them and keeps the reason to itself. */
  #refusal: { responseStatus: string; serverResponseCode: string | undefined } | undefined;
  #pauseMs: number | undefined;
  /** What broke the connection: the commands in hand only hear that it is gone. */
  #broken: unknown;
  /** Gathers what the server tells of a folder while it is being opened. */
  #changes: FolderChanges | undefined;

  private constructor(private readonly client: ImapFlow) {
    client.on('exists', ({ count, prevCount }) => this.onExists(count - prevCount));
    client.on('flags', ({ uid, flags }) => {
      if (!this.#changes) this.onFlags(flags);
      else if (uid !== undefined && hasLogKeyword(flags)) this.#changes.marked.push(uid);
    });
    client.on('expunge', ({ uid, earlier }) => {
      if (!earlier) this.onExpunge(uid);
      else if (uid !== undefined) this.#changes?.vanished.push(uid);
    });
    client.on('response', ({ response, code }) => {
      if (response !== 'OK') this.#refusal = { responseStatus: response, serverResponseCode: code };
    });
    client.on('error', (error) => (this.#broken ??= error));
    client.on('close', () => this.onClose());
  }

  static async connect(login: MailLogin, network: MailNetwork): Promise<ImapSession> {
    let session: ImapSession | undefined;
    const onThrottled = (pauseMs: number) => session && session.#throttled(pauseMs);
    const options = { disableAutoIdle: true, disableCompression: true, qresync: true, maxIdleTime: 0, onThrottled };
    session = new ImapSession(await connectImap(login, network, options));
    return session;
  }

  usable(): boolean {
    return this.client.usable;
  }

  has(capability: string): boolean {
    return this.client.capabilities.has(capability);
  }

  /** Gmail: folders are labels, and \\All has every mail once. */
  hasLabels(): boolean {
    return this.has('X-GM-EXT-1');
  }

  /** Why there is no connection any more. */
  lost(): Fault {
    if (this.#pauseMs !== undefined) return faultOf('THROTTLED', this.#pauseMs);
    return imapFault(this.#broken ?? { code: 'NoConnection', reason: this.client.byeReason || undefined });
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
    // With how each stands, where that costs no command of its own (RFC 5819).
    const statusQuery = { messages: true, uidNext: true, uidValidity: true };
    return this.#do(() => this.client.list(this.has('LIST-STATUS') ? { statusQuery } : {}));
  }

  /**
   * Opens a folder for reading alone, also if it is open, so that its state is the server's of now. A server with QRESYNC (RFC 7162) tells in the same
   * answer what has changed since the state that is given.
   */
  open(path: string, since?: { uidValidity: bigint; modseq: bigint | undefined }): Promise<OpenFolder> {
    this.opens++;
    const changes: FolderChanges = { vanished: [], marked: [] };
    const known = since?.modseq ? { uidValidity: since.uidValidity, changedSince: since.modseq } : {};
    return this.#do(async () => {
      this.#changes = changes;
      const box = await this.client.mailboxOpen(path, { readOnly: true, ...known }).finally(() => (this.#changes = undefined));
      return {
        uidValidity: box.uidValidity ?? 0n,
        uidNext: box.uidNext || undefined,
        exists: box.exists ?? 0,
        mailboxId: box.mailboxId ?? '',
        modseq: box.noModseq ? undefined : box.highestModseq,
        // imapflow says whether the server took the state for one that it knows, but its types do not.
        changes: (box as { qresync?: boolean }).qresync ? changes : undefined,
      };
    });
  }

  /** How a folder stands; false where the server will not say it without opening the folder. */
  async status(path: string): Promise<StatusObject | false> {
    const query = { uidNext: true, uidValidity: true, messages: true, highestModseq: this.has('CONDSTORE') };
    try {
      return await this.#answer(() => this.client.status(path, query));
    } catch (error) {
      if (error instanceof Fault && error.code === 'UNAVAILABLE') return false;
      throw error;
    }
  }

  create(path: string): Promise<unknown> {
    return this.#do(() => this.client.mailboxCreate(path));
  }

  /**
   * Header fields of a UID range of the open folder, at most so many; those that have gone are left out. A server may tell changed flags among the answers
   * (RFC 3501 7.4.2): imapflow gives these as messages too.
   */
  headers(range: string, limit: number): Promise<SeenMail[]> {
    return this.#do(async () => {
      // By UID: a FETCH that imapflow repeats after a pause answers again for all.
      const mails = new Map<number, SeenMail>();
      const take = (mail: SeenMail) => {
        if (mails.size < limit) mails.set(mail.uid, mail);
      };
      const release = takeMails(this.client, take);
      try {
        for await (const message of this.client.fetch(range, this.#headerQuery(), { uid: true })) {
          if (isAnswer(message)) take(seenMail(message));
          else this.onFlags(message.flags ?? new Set());
        }
      } finally {
        release();
      }
      return [...mails.values()];
    });
  }

  /** UIDs of the open folder, ascending. */
  async uids({ from, ...query }: UidQuery): Promise<number[]> {
    // An empty answer and a refusal are not the same: what is not listed counts as done.
    const found = await this.#answer<number[]>(() => this.client.search(criteriaOf({ from, ...query }), { uid: true }));
    return found.filter((one) => from === undefined || one >= from).sort((a, b) => a - b);
  }

  /** The same as ranges: a folder of a hundred thousand mails is a few words on the wire (RFC 4731). Undefined where the server's words say no set. */
  async uidSet(query: UidQuery): Promise<UidRange[] | undefined> {
    const found = await this.#answer(() => this.client.search(criteriaOf(query), { uid: true, returnOptions: ['ALL'] }));
    const set = parseUidSet(Array.isArray(found) ? uidRanges(found) : (found.all ?? ''));
    const from = query.from ?? 0;
    // `n:*` names the last mail also where its UID is below n (RFC 9051 §9, seq-range).
    return set?.filter(([, to]) => to >= from).map(([low, to]): UidRange => [Math.max(low, from), to]);
  }

  /** Header fields, size and structure of one mail that may be read; undefined where it is gone. */
  async structure(uid: number): Promise<(SeenMail & { root: StructureNode | undefined }) | undefined> {
    const message = await this.#do(() => this.client.fetchOne(String(uid), { ...this.#headerQuery(), bodyStructure: true }, { uid: true }));
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
      if (this.has('IDLE') && this.#shortIdles < maxShortIdles) {
        // Woken for nothing, the IDLE of before goes on: only a command ends it.
        this.#idling ??= this.#startIdle();
        const leftMs = Math.max(0, this.#idleSince + renewIdleMs - performance.now());
        await Promise.race([woken, delay(Math.min(ms, leftMs), ended.signal), this.#idling]);
        if (performance.now() >= this.#idleSince + renewIdleMs) await this.#do(() => this.client.noop());
      } else {
        await Promise.race([woken, delay(Math.min(ms, noopEveryMs), ended.signal)]);
        await this.#do(() => this.client.noop());
      }
    } finally {
      ended.abort();
    }
  }

  async #startIdle(): Promise<void> {
    this.#idleSince = performance.now();
    const answer = await this.client.idle().catch(() => undefined);
    // Where the connection broke, the next command says so.
    this.#idling = undefined;
    if (answer === false) this.#shortIdles = maxShortIdles;
    else if (performance.now() - this.#idleSince < shortIdleMs) this.#shortIdles++;
    else this.#shortIdles = 0;
  }

  /** The command that was just given ends the IDLE: a server that does not answer that is no longer there. */
  async #endIdle(idling: Promise<void>): Promise<void> {
    this.#shortIdles = -1;
    const answered = new AbortController();
    const late = delay(idleEndMs, answered.signal).then(() => !answered.signal.aborted);
    const isLate = await Promise.race([idling.then(() => false), late]);
    answered.abort();
    if (!isLate) return;
    this.client.close();
    throw faultOf('TIMEOUT');
  }

  async close(): Promise<void> {
    const ended = new AbortController();
    if (this.client.usable) await Promise.race([this.client.logout().catch(() => undefined), delay(logoutTimeoutMs, ended.signal)]);
    ended.abort();
    this.client.close();
  }

  #headerQuery() {
    return { ...headerQuery, labels: this.hasLabels() };
  }

  async #do<T>(command: () => Promise<T>): Promise<T> {
    if (!this.client.usable) throw this.lost();
    this.#refusal = undefined;
    const idling = this.#idling;
    const work = command();
    try {
      // Looked at below; until then nobody else hears of its failure.
      work.catch(() => undefined);
      if (idling) await this.#endIdle(idling);
      return await work;
    } catch (error) {
      const fault = imapFault(error);
      throw fault.code === 'CONNECTION_LOST' || this.#pauseMs !== undefined ? this.lost() : fault;
    }
  }

  /** The same for commands whose refusal imapflow answers with false. */
  #answer<T>(command: () => Promise<T | false | undefined>): Promise<T> {
    return this.#do(async () => {
      const answer = await command();
      if (answer === false || answer === undefined) throw imapFault(this.#refusal ?? { responseStatus: 'NO' });
      return answer;
    });
  }

  #throttled(pauseMs: number): void {
    if (pauseMs <= longestPauseMs) return;
    this.#pauseMs = pauseMs;
    // imapflow begins to wait only after it has said so, and what it has not begun no close can end.
    setImmediate(() => this.client.close());
  }
}

/** UIDs of a set or from one on, received since a day, with a keyword, with a header field, drafts or others; all that are given must hold. */
export interface UidQuery {
  uid?: string | undefined;
  draft?: boolean | undefined;
  from?: number | undefined;
  since?: Date | undefined;
  keyword?: string | undefined;
  header?: Record<string, string> | undefined;
}

/** imapflow refuses criteria that are there but undefined. */
function criteriaOf({ from, ...criteria }: UidQuery): Record<string, unknown> {
  const all = { ...criteria, ...(from === undefined ? {} : { uid: `${from}:*` }) };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return given.length > 0 ? Object.fromEntries(given) : { all: true };
}

const isAnswer = ({ size, internalDate, headers }: FetchMessageObject): boolean =>
  size !== undefined || internalDate !== undefined || headers !== undefined;

export function seenMail({ uid, flags, internalDate, size, headers, labels }: FetchMessageObject): SeenMail {
  const received = internalDate === undefined ? undefined : new Date(internalDate);
  return {
    uid,
    flags: flags ?? new Set(),
    receivedAt: received && !Number.isNaN(received.getTime()) ? received : undefined,
    sizeBytes: Number.isSafeInteger(size) && size! > 0 ? size! : 0,
    header: headers ?? Buffer.alloc(0),
    labels,
  };
}
