// Reads header fields of one inbox's mails around those that cannot be had: a server refuses them, or the connection breaks over them each time.
import { Fault } from '@rejoinder/base/fault';
import type { Logger } from '@rejoinder/runtime/logging';
import type { ImapSession, SeenMail } from '../imap/imap-session.js';
import { readAround } from '../imap/refused-mails.js';
import { parseUidSet, rangeSet, within, without, type UidRange } from '../imap/uid-ranges.js';
import type { Folder } from './folder-store.js';
import type { SessionRow } from './session-store.js';
import { afterBreak, areIn, maxBreaks, overlaps, type Suspects } from './suspects.js';
import type { UnreadStore } from './unread-store.js';

export interface HeaderReaderParts {
  session: SessionRow;
  imap: ImapSession;
  unread: UnreadStore;
  /** By inbox: what is suspected outlives a session. */
  suspects: Map<string, Suspects>;
  logger: Logger;
}

/** A server that breaks off over more mails of an inbox within a day has trouble of another kind: then none is passed over, and it is left alone for longer each time. */
const maxBreakingADay = 10;
const dayMs = 86_400_000;
const breaking = ['CONNECTION_LOST', 'SERVER_BROKEN', 'TIMEOUT'];

/** The connection is gone, and no word of the server says why. */
export const isBreak = (error: unknown): boolean => error instanceof Fault && breaking.includes(error.code);

export class HeaderReader {
  /** Mails that the server refuses one by one are passed over. */
  passesRefused = false;
  /** By folder and UIDVALIDITY. */
  readonly #unread = new Map<string, Set<number>>();
  #mayNarrow = true;
  #hasNarrowed = false;

  constructor(private readonly parts: HeaderReaderParts) {}

  /** Learns what was passed over before. */
  async begin(now: Date): Promise<void> {
    const known = await this.parts.unread.list(this.parts.session);
    this.#unread.clear();
    for (const mail of known) this.#unreadOf(mail).add(mail.uid);
    this.#mayNarrow = known.filter(({ foundAt }) => now.getTime() - foundAt.getTime() < dayMs).length < maxBreakingADay;
  }

  /** The session has ended over fewer mails than the one before: the next is not to wait for long. */
  hasNarrowed(): boolean {
    return this.#hasNarrowed;
  }

  /** Those of a set that are there and can be read, but none that was passed over before. */
  async read(folder: Folder, set: string, limit: number): Promise<SeenMail[]> {
    const wanted = without(parseUidSet(set)!, this.#unreadOf(folder));
    const suspects = this.#suspectsAmong(folder, wanted);
    if (suspects?.isNarrowing && this.#mayNarrow) return this.#narrow(folder, wanted, limit, suspects);
    const mails = await this.#ask(folder, wanted, limit);
    const all = boundsOf(wanted);
    if (suspects && all && all[0] <= suspects.from && suspects.to <= all[1]) this.#suspect(undefined);
    return mails;
  }

  /** How many were passed over between these UIDs, both included: they are there all the same. */
  passedOver(folder: Folder, [from, to]: UidRange): number {
    return [...this.#unreadOf(folder)].filter((uid) => from <= uid && uid <= to).length;
  }

  /** One that was passed over. Undefined where it cannot be had again; where the connection breaks over it, the session ends once more. */
  async readAgain(folder: Folder, uid: number): Promise<SeenMail | undefined> {
    const { imap, session, unread } = this.parts;
    await unread.tried(session, folder, uid);
    try {
      return (await imap.headers(String(uid), 1)).find((mail) => mail.uid === uid);
    } catch (error) {
      if (this.#isRefusal(error)) return undefined;
      throw error;
    }
  }

  async foundAgain(folder: Folder, uid: number): Promise<void> {
    await this.parts.unread.read(this.parts.session, folder, uid);
    this.#unreadOf(folder).delete(uid);
  }

  /** Lowest first, so that what comes after the suspects is asked for once they have been settled. Where to halve is for the server to say, but not what is there. */
  async #narrow(folder: Folder, wanted: readonly UidRange[], limit: number, { from, to, breaks }: Suspects): Promise<SeenMail[]> {
    const ask = (low: number, high: number) => this.#ask(folder, without(within(wanted, [low, high]), this.#unreadOf(folder)), limit);
    const uids = await this.parts.imap.uids({ uid: rangeSet(within(wanted, [from, to])) });
    const mails = await ask(0, from - 1);
    if (uids.length === 1 && breaks >= maxBreaks) await this.#passOver(folder, uids, 'the connection breaks over it each time');
    for (let low = from; low <= to;) {
      const half = uids.splice(0, Math.ceil(uids.length / 2)).at(-1);
      const high = half === undefined || uids.length === 0 ? to : half;
      mails.push(...(await ask(low, high)));
      low = high + 1;
    }
    this.#suspect(undefined);
    return mails.concat(await ask(to + 1, Infinity));
  }

  async #ask(folder: Folder, wanted: readonly UidRange[], limit: number): Promise<SeenMail[]> {
    const bounds = boundsOf(wanted);
    if (!bounds) return [];
    try {
      return await this.#askAround(folder, rangeSet(wanted), limit);
    } catch (error) {
      if (isBreak(error)) {
        const next = afterBreak(this.parts.suspects.get(this.parts.session.inboxId), folder, bounds);
        this.#suspect(next);
        this.#hasNarrowed = next.isNarrowing && this.#mayNarrow;
      }
      throw error;
    }
  }

  async #askAround(folder: Folder, set: string, limit: number): Promise<SeenMail[]> {
    const { imap } = this.parts;
    if (!this.passesRefused) return imap.headers(set, limit);
    const { mails, refused } = await readAround(set, {
      read: (part) => imap.headers(part, limit),
      there: (part) => imap.uids({ uid: part }),
      isRefusal: (error) => this.#isRefusal(error),
    });
    if (refused.length > 0) await this.#passOver(folder, refused, 'the server refuses it');
    return mails;
  }

  async #passOver(folder: Folder, uids: number[], why: string): Promise<void> {
    const { session, unread, logger } = this.parts;
    await unread.add(session, folder, uids);
    for (const uid of uids) this.#unreadOf(folder).add(uid);
    logger.error({ inboxId: session.inboxId, folderId: folder.folderId, uids, why }, 'a mail cannot be read: it is passed over');
  }

  #isRefusal(error: unknown): boolean {
    return error instanceof Fault && error.code === 'UNAVAILABLE' && this.parts.imap.usable();
  }

  #suspectsAmong(folder: Folder, wanted: readonly UidRange[]): Suspects | undefined {
    const suspects = this.parts.suspects.get(this.parts.session.inboxId);
    return suspects && areIn(suspects, folder) && wanted.some((range) => overlaps(suspects, range)) ? suspects : undefined;
  }

  #suspect(suspects: Suspects | undefined): void {
    const { inboxId } = this.parts.session;
    if (suspects) this.parts.suspects.set(inboxId, suspects);
    else this.parts.suspects.delete(inboxId);
  }

  #unreadOf({ folderId, uidValidity }: Pick<Folder, 'folderId' | 'uidValidity'>): Set<number> {
    const key = `${folderId}/${uidValidity}`;
    const known = this.#unread.get(key) ?? new Set<number>();
    this.#unread.set(key, known);
    return known;
  }
}

const boundsOf = (ranges: readonly UidRange[]): UidRange | undefined =>
  ranges.length === 0 ? undefined : [Math.min(...ranges.map(([from]) => from)), Math.max(...ranges.map(([, to]) => to))];
