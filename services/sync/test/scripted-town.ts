// A sync role whose inboxes lie on a scripted IMAP server.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@rejoinder/base/id';
import { StartInboxSchema } from '@rejoinder/contracts/commands';
import { AuthenticationFailedSchema, MailsObservedSchema, type ObservedMail } from '@rejoinder/contracts/events/sync';
import { createTestCa } from '@rejoinder/testing/certificates';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import type { Postgres } from '@rejoinder/testing/postgres';
import { startScriptedImap, type ScriptedImap } from '@rejoinder/testing/scripted-imap';
import type { ImapQuirks, ScriptedMailbox } from '@rejoinder/testing/scripted-mailbox';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';
import { serveConnections, type FakeCredential } from './fakes.js';
import { TestClock } from './town.js';

export interface SessionNow {
  state: string;
  reason: string;
  nextTryAt: Date | null;
  failures: number;
}

export interface ScriptedTown extends AsyncDisposable {
  house: TestHouse;
  server: ScriptedImap;
  clock: TestClock;
  credentials: Map<string, FakeCredential>;
  inboxId: string;
  user: string;
  /** Of the first inbox. */
  mailbox: ScriptedMailbox;
  /** Another inbox at the same server. */
  addInbox(): string;
  start(inboxId?: string, settings?: { logFolder?: string; folders?: string[]; version?: bigint; historyDays?: number }): Promise<void>;
  session(inboxId?: string): Promise<SessionNow>;
  live(inboxId?: string): Promise<void>;
  /** So many mails as new, no more and each once. */
  news(count: number): Promise<ObservedMail[]>;
  history(): Promise<ObservedMail[]>;
  authenticationFailures(): Promise<number>;
}

export async function startScriptedTown(postgres: Postgres, quirks?: ImapQuirks, more: Record<string, string> = {}): Promise<ScriptedTown> {
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-sync-'));
  const server = await startScriptedImap(await createTestCa(), quirks);
  await writeFile(join(folder, 'ca.pem'), server.ca.pem);
  const clock = new TestClock();
  const house = await startTestHouse({
    roles: [role],
    postgres,
    clock,
    logLevel: (process.env.LOG as 'info' | undefined) ?? 'error',
    env: {
      REJOINDER_MAIL_CA_FILE: join(folder, 'ca.pem'),
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: String(server.port),
      REJOINDER_SYNC_FOLDER_POLL_SECONDS: '1',
      ...more,
    },
  });
  const credentials = new Map<string, FakeCredential>();
  const connections = await serveConnections(house.house.peerAddress('connections'), credentials);
  let inboxes = 0;
  let sequence = 0n;
  const userOf = (n: number) => `user${n}@scripted.test`;
  const addInbox = () => {
    const id = newId();
    credentials.set(id, { address: userOf(inboxes++), password: 'secret', port: server.port, version: 1n });
    return id;
  };
  const inboxId = addInbox();
  const session = async (id = inboxId) => {
    const sql = `select state, reason, next_try_at as "nextTryAt", failures from sync.session where inbox_id = $1`;
    return (await house.query<SessionNow>(sql, [id]))[0] ?? { state: 'none', reason: '', nextTryAt: null, failures: 0 };
  };
  const observed = async (topic: 'rejoinder.sync.internal.v1' | 'rejoinder.sync.history.v1') =>
    (await house.published(topic, MailsObservedSchema)).flatMap(({ mails }) => mails);
  return {
    ...{ house, server, clock, credentials, inboxId, addInbox, session },
    user: userOf(0),
    mailbox: server.mailbox(userOf(0)),
    start: (id = inboxId, { logFolder = '', folders = [], version = 1n, historyDays = 0 } = {}) =>
      house.publish(
        'rejoinder.sync.commands.v1',
        StartInboxSchema,
        id,
        {
          inboxId: id,
          credentialVersion: version,
          settings: { capture: 'tracked', attachments: true, historyDays, logFolder, folders },
        },
        ++sequence,
      ),
    live: async (id = inboxId) => void (await settle('the session to be live', async () => (await session(id)).state === 'live')),
    news: async (count) => {
      const mails = await settle(`${count} new mails`, async () => {
        const all = await observed('rejoinder.sync.internal.v1');
        return all.length >= count && all;
      });
      if (mails.length !== count) throw new Error(`${mails.length} mails were told as new, not ${count}`);
      return mails;
    },
    history: () => observed('rejoinder.sync.history.v1'),
    authenticationFailures: async () => (await house.published('rejoinder.sync.internal.v1', AuthenticationFailedSchema)).length,
    [Symbol.asyncDispose]: async () => {
      await house.stop();
      connections.forceShutdown();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
