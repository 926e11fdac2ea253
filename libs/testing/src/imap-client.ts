// Looks into a mailbox and tidies it as its owner's own mail program would.
import { ImapFlow, type ListResponse, type MailboxObject } from 'imapflow';
import type { TestCa } from './certificates.js';

const TIMEOUT_MS = 30_000;

export interface MailClientOptions {
  host?: string;
  port: number;
  ca: TestCa | { pem: string };
  user: string;
  password?: string;
  /** `false` for a port that starts in the clear and offers STARTTLS. */
  secure?: boolean;
}

export interface SeenMail {
  uid: number;
  subject: string;
  from: string;
  to: string[];
  messageId: string;
  flags: Set<string>;
  sizeBytes: number;
}

export interface MailClient extends AsyncDisposable {
  readonly imap: ImapFlow;
  folders(): Promise<ListResponse[]>;
  /** Opens the folder, and tells its UIDVALIDITY, how many mails it holds and the like. */
  open(folder: string): Promise<MailboxObject>;
  mails(folder?: string): Promise<SeenMail[]>;
  source(uid: number, folder?: string): Promise<Buffer>;
  append(folder: string, raw: Buffer, flags?: string[], date?: Date): Promise<number | undefined>;
  move(uids: number | number[], from: string, to: string): Promise<void>;
  delete(uids: number | number[], folder?: string): Promise<void>;
  flag(uids: number | number[], flags: string[], folder?: string): Promise<void>;
  createFolder(path: string): Promise<void>;
  renameFolder(path: string, to: string): Promise<void>;
  deleteFolder(path: string): Promise<void>;
  stop(): Promise<void>;
}

export async function openMailClient({
  host = 'localhost',
  port,
  ca,
  user,
  password = 'secret',
  secure = true,
}: MailClientOptions): Promise<MailClient> {
  const imap = new ImapFlow({
    host,
    port,
    secure,
    tls: { ca: ca.pem, servername: 'localhost' },
    auth: { user, pass: password },
    logger: false,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableAutoIdle: true,
  });
  imap.on('error', () => {});
  await imap.connect();
  const stop = () => leave(imap);
  return {
    imap,
    folders: () => imap.list(),
    open: (folder) => select(imap, folder),
    mails: (folder = 'INBOX') => listMails(imap, folder),
    source: (uid, folder = 'INBOX') => fetchSource(imap, uid, folder),
    append: async (folder, raw, flags = [], date) => {
      const appended = await imap.append(folder, raw, flags, date);
      return appended ? appended.uid : undefined;
    },
    move: async (uids, from, to) => {
      await select(imap, from);
      if (!(await imap.messageMove(range(uids), to, { uid: true }))) throw new Error(`could not move ${range(uids)} from ${from} to ${to}`);
    },
    delete: async (uids, folder = 'INBOX') => {
      await select(imap, folder);
      await imap.messageDelete(range(uids), { uid: true });
    },
    flag: async (uids, flags, folder = 'INBOX') => {
      await select(imap, folder);
      await imap.messageFlagsAdd(range(uids), flags, { uid: true });
    },
    createFolder: async (path) => void (await imap.mailboxCreate(path)),
    renameFolder: async (path, to) => void (await imap.mailboxRename(path, to)),
    deleteFolder: async (path) => void (await imap.mailboxDelete(path)),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

const range = (uids: number | number[]): string => [uids].flat().join(',');

/** Opened anew each time, so that what others changed meanwhile is seen. */
async function select(imap: ImapFlow, folder: string): Promise<MailboxObject> {
  if (imap.mailbox) await imap.mailboxClose();
  return imap.mailboxOpen(folder);
}

async function listMails(imap: ImapFlow, folder: string): Promise<SeenMail[]> {
  const { exists } = await select(imap, folder);
  if (exists === 0) return [];
  const mails = await imap.fetchAll('1:*', { uid: true, flags: true, envelope: true, size: true });
  return mails.map(({ uid, flags, envelope, size }) => ({
    uid,
    subject: envelope?.subject ?? '',
    from: envelope?.from?.[0]?.address ?? '',
    to: (envelope?.to ?? []).map(({ address }) => address ?? ''),
    messageId: envelope?.messageId ?? '',
    flags: flags ?? new Set(),
    sizeBytes: size ?? 0,
  }));
}

async function fetchSource(imap: ImapFlow, uid: number, folder: string): Promise<Buffer> {
  await select(imap, folder);
  const mail = await imap.fetchOne(String(uid), { source: true }, { uid: true });
  if (!mail || !mail.source) throw new Error(`${folder} has no mail with UID ${uid}`);
  return mail.source;
}

async function leave(imap: ImapFlow): Promise<void> {
  if (!imap.usable) return imap.close();
  await Promise.race([imap.logout(), new Promise((resolve) => setTimeout(resolve, 2_000).unref())]).catch(() => {});
  imap.close();
}
