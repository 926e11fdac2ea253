// Starts a real Dovecot of its own for tests: IMAP, LMTP and submission, with users a test adds as it needs them.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestCa, type TestCa } from './certificates.js';
import { dovecotConfig, paths, type DovecotPorts } from './dovecot-config.js';
import { dovecotService, dovecotUsers, renewStore, writeDovecotFiles, type DovecotService, type DovecotUsers } from './dovecot-service.js';
import { removeFolder, temporaryFolder } from './folders.js';
import { deliverByLmtp } from './lmtp.js';
import { freePorts } from './ports.js';
import { run } from './processes.js';
import { startRelay, type AcceptedMail, type Relay, type RelayControl } from './relay.js';
import { startTcpProxy } from './tcp-proxy.js';
import { isRoot, unprivileged } from './users.js';

export interface DovecotOptions {
  ca?: TestCa;
  separator?: '/' | '.';
  /** Lets access tokens in (XOAUTH2, OAUTHBEARER) that this address calls active (RFC 7662). */
  introspectionUrl?: string;
  /** Each mailbox belongs to a user of the system of its own, where this runs as root. */
  ownUsers?: boolean;
  /** More lines of dovecot.conf, such as `imap_capability = …`. */
  extra?: string;
}

export interface Dovecot extends AsyncDisposable {
  readonly host: 'localhost';
  /** IMAP with STARTTLS. */
  readonly imapPort: number;
  readonly imapsPort: number;
  readonly lmtpPort: number;
  /** Submission with STARTTLS. */
  readonly submissionPort: number;
  readonly submissionsPort: number;
  readonly ca: TestCa;
  readonly folder: string;
  readonly relay: RelayControl;
  /** Every mail that the relay accepted: `relay.accepted`. */
  readonly accepted: AcceptedMail[];
  addUser(address: string, password?: string): Promise<void>;
  setPassword(address: string, password: string): Promise<void>;
  removeUser(address: string): Promise<void>;
  /** Puts a mail into the INBOX of `to` as it would arrive from outside. */
  deliver(to: string, raw: Buffer | string, from?: string): Promise<void>;
  mailPath(address: string): string;
  /** Loses the user's indexes, as in a restore from a backup: all mails are there, each folder has a new UIDVALIDITY and new UIDs. */
  deleteIndexes(address: string): Promise<void>;
  doveadm(...args: string[]): Promise<string>;
  log(): Promise<string>;
  down(): Promise<void>;
  up(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDovecot(options: DovecotOptions = {}): Promise<Dovecot> {
  const { ca, separator = '/', introspectionUrl, ownUsers = false, extra = '' } = options;
  const folder = await temporaryFolder('dovecot');
  const cleanups: (() => Promise<void>)[] = [() => removeFolder(folder)];
  const stop = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const authority = ca ?? (await createTestCa());
    const [imap, imaps, lmtp, submission, submissions] = (await freePorts(5)) as [number, number, number, number, number];
    const ports: DovecotPorts = { imap, imaps, lmtp, submission, submissions };
    const mailOwner = unprivileged('nobody', 'daemon');
    const users = await dovecotUsers(folder, mailOwner, ownUsers && isRoot());
    const proxies = [await startTcpProxy({ port: submission }), await startTcpProxy({ port: submissions })] as const;
    cleanups.push(...proxies.map((proxy) => proxy.stop));
    const relay = await startRelay({
      deliver: (mail) => deliverToUsers(mail, users, lmtp),
      cutSenders: () => proxies.forEach((proxy) => proxy.cut()),
    });
    cleanups.push(relay.stop);
    const oauth = introspectionUrl !== undefined;
    const config = dovecotConfig({ folder, ports, relayPort: relay.port, separator, oauth, extra });
    await writeDovecotFiles(folder, { ca: authority, config, mailOwner, introspectionUrl });
    const service = dovecotService(folder, ports);
    cleanups.push(service.kill);
    await service.up();
    return handle({
      folder,
      ports: { ...ports, submission: proxies[0].port, submissions: proxies[1].port },
      ca: authority,
      users,
      relay,
      service,
      stop,
    });
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whoever has no mailbox here is of the world outside: there the mail just leaves. */
async function deliverToUsers(mail: AcceptedMail, users: DovecotUsers, lmtpPort: number): Promise<void> {
  for (const to of mail.to) {
    if (users.has(to)) await deliverByLmtp(lmtpPort, { from: mail.from, to }, mail.raw);
  }
}

interface Parts {
  folder: string;
  ports: DovecotPorts;
  ca: TestCa;
  users: DovecotUsers;
  relay: Relay;
  service: DovecotService;
  stop(): Promise<void>;
}

function handle({ folder, ports, ca, users, relay, service, stop }: Parts): Dovecot {
  const at = paths(folder);
  const doveadm = (...args: string[]) => run('doveadm', 'doveadm', ['-c', at.config, ...args]);
  const mailPath = (address: string) => join(at.mail, address.toLowerCase(), 'mdbox');
  return {
    host: 'localhost',
    imapPort: ports.imap,
    imapsPort: ports.imaps,
    lmtpPort: ports.lmtp,
    submissionPort: ports.submission,
    submissionsPort: ports.submissions,
    ca,
    folder,
    relay,
    accepted: relay.accepted,
    addUser: (address, password = 'secret') => users.set(address, password),
    setPassword: async (address, password) => {
      if (!users.has(address)) throw new Error(`there is no user ${address}`);
      await users.set(address, password);
    },
    removeUser: users.remove,
    deliver: (to, raw, from = 'sender@outside.test') => deliverByLmtp(ports.lmtp, { from, to }, raw),
    mailPath,
    deleteIndexes: (address) => renewStore(mailPath(address), address, doveadm),
    doveadm,
    log: () => readFile(at.log, 'utf8'),
    down: service.down,
    up: service.up,
    restart: async () => {
      await service.down();
      await service.up();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
