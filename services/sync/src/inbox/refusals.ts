// What a server refuses in one session: folders, which are left alone, and single mails, which are passed over after a while.
import { Fault } from '@rejoinder/base/fault';
import type { Logger } from '@rejoinder/runtime/logging';
import type { ImapSession } from '../imap/imap-session.js';
import type { HeaderReader } from './header-reader.js';
import type { SessionRow } from './session-store.js';

export interface RefusalsParts {
  session: SessionRow;
  imap: ImapSession;
  logger: Logger;
}

/** After so many ends of the session in a row, or refusals of a folder, mails that the server refuses one by one are passed over; audits ask for them again. */
const failuresToPassOver = 5;
const refusalsToPassOver = 2;

export class Refusals {
  readonly #refused = new Set<string>();
  /** How often each folder was refused in this session. */
  readonly #counts = new Map<string, number>();
  #wantsList = false;

  constructor(
    private readonly parts: RefusalsParts,
    private readonly reader: HeaderReader,
  ) {}

  /** Left alone until folders are listed anew. */
  isRefused(path: string): boolean {
    return this.#refused.has(path);
  }

  /** A folder was refused that was not before: it may have another name now. */
  wantsList(): boolean {
    return this.#wantsList;
  }

  /** Folders were listed anew. */
  listed(): void {
    this.#refused.clear();
    this.#wantsList = false;
    this.reader.passesRefused = this.parts.session.failures >= failuresToPassOver;
  }

  /** Work on a folder whose refusal does not end the session for all the others. */
  async around(path: string, work: () => Promise<void>): Promise<void> {
    const { session, logger } = this.parts;
    const usual = this.reader.passesRefused;
    const count = this.#counts.get(path) ?? 0;
    if (count >= refusalsToPassOver) this.reader.passesRefused = true;
    try {
      await work();
    } catch (error) {
      if (!this.isRefusal(error)) throw error;
      this.#refused.add(path);
      this.#counts.set(path, count + 1);
      this.#wantsList ||= count === 0;
      logger.warn({ inboxId: session.inboxId, times: count + 1 }, 'the server refuses a folder');
    } finally {
      this.reader.passesRefused = usual;
    }
  }

  isRefusal(error: unknown): boolean {
    return isRefusal(this.parts.imap, error);
  }
}

/** The server refused one command, and is still there. */
export function isRefusal(imap: ImapSession, error: unknown): boolean {
  return error instanceof Fault && error.code === 'UNAVAILABLE' && imap.usable();
}
