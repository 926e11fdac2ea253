// A sync role with its neighbours, and one mailbox at a real Dovecot behind a recording wire.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server } from '@grpc/grpc-js';
import { newId } from '@rejoinder/base/id';
import type { Clock } from '@rejoinder/base/clock';
import { CaptureMailSchema, StartInboxSchema } from '@rejoinder/contracts/commands';
import { MailsObservedSchema, type ObservedMail } from '@rejoinder/contracts/events/sync';
import type { Dovecot } from '@rejoinder/testing/dovecot';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { startImapWire, type ImapWire } from '@rejoinder/testing/imap-wire';
import type { Postgres } from '@rejoinder/testing/postgres';
import { settle } from '@rejoinder/testing/settle';
import { openMailClient, type MailClient } from '@rejoinder/testing/imap-client';
import type { Role } from '@rejoinder/runtime/role';
import { role } from '../src/role.js';
import { serveAttachments, serveConnections, serveSending, type FakeAttachments, type FakeCredential } from './fakes.js';

/** The machine's time, moved by hand. */
export class TestClock implements Clock {
  aheadMs = 0;
  now(): Date {
    return new Date(Date.now() + this.aheadMs);
  }
}

export interface Town extends AsyncDisposable {
  house: TestHouse;
  wire: ImapWire;
  clock: TestClock;
  credentials: Map<string, FakeCredential>;
  attachments: FakeAttachments;
  mimes: Map<string, Buffer>;
  address: string;
  inboxId: string;
  startInbox(
    inboxId?: string,
    settings?: { historyDays?: number; logFolder?: string; folders?: string[]; attachments?: boolean; version?: bigint },
  ): Promise<void>;
  state(inboxId?: string): Promise<string>;
  live(inboxId?: string): Promise<void>;
  observed(topic?: 'rejoinder.sync.internal.v1' | 'rejoinder.sync.history.v1'): Promise<ObservedMail[]>;
  capture(mailId: string, more?: { onlyIfQuoting?: boolean; revision?: bigint; inboxId?: string; threadId?: string }): Promise<void>;
  client(): Promise<MailClient>;
}

export interface TownOptions {
  dovecot: Dovecot;
  postgres: Postgres;
  env?: Record<string, string>;
  /** Beside sync's own. */
  roles?: Role[];
  /** IMAP port the inbox uses; by default that of the wire. */
  port?: number;
}

/** Where the machine has run out of inotify instances, Dovecot looks for new mail at this interval; its default is 30 s. */
export const testDovecot = { extra: 'mailbox_idle_check_interval = 1 secs' };

let users = 0;

export async function startTown({ dovecot, postgres, env = {}, roles = [], port }: TownOptions): Promise<Town> {
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-sync-'));
  await writeFile(join(folder, 'ca.pem'), dovecot.ca.pem);
  const wire = await startImapWire({ port: dovecot.imapsPort, ca: dovecot.ca });
  const clock = new TestClock();
  const address = `ada${process.pid}x${++users}@example.test`;
  await dovecot.addUser(address);
  const imapPort = port ?? wire.port;
  const house = await startTestHouse({
    roles: [role, ...roles],
    postgres,
    clock,
    logLevel: (process.env.LOG as 'info' | undefined) ?? 'error',
    env: {
      REJOINDER_MAIL_CA_FILE: join(folder, 'ca.pem'),
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: `${imapPort},${dovecot.imapsPort},${wire.port}`,
      REJOINDER_SYNC_FOLDER_POLL_SECONDS: '1',
      REJOINDER_SYNC_SENT_COPY_WAIT_SECONDS: '0',
      ...env,
    },
  });
  const inboxId = newId();
  const credentials = new Map<string, FakeCredential>([[inboxId, { address, password: 'secret', port: imapPort, version: 1n }]]);
  const mimes = new Map<string, Buffer>();
  const attachments = await serveAttachments(house.house.peerAddress('attachment'));
  const servers: Server[] = [
    await serveConnections(house.house.peerAddress('connections'), credentials),
    attachments.server,
    await serveSending(house.house.peerAddress('sending'), mimes),
  ];
  let sequence = 0n;
  const state = async (id = inboxId) =>
    (await house.query<{ state: string }>('select state from sync.session where inbox_id = $1', [id]))[0]?.state ?? 'none';
  return {
    house,
    wire,
    clock,
    credentials,
    attachments,
    mimes,
    address,
    inboxId,
    state,
    startInbox: (id = inboxId, { historyDays = 0, logFolder = '', folders = [], attachments: on = true, version = 1n } = {}) =>
      house.publish(
        'rejoinder.sync.commands.v1',
        StartInboxSchema,
        id,
        { inboxId: id, credentialVersion: version, settings: { capture: 'tracked', attachments: on, historyDays, logFolder, folders } },
        ++sequence,
      ),
    live: async (id = inboxId) => void (await settle('the session to be live', async () => (await state(id)) === 'live')),
    observed: async (topic = 'rejoinder.sync.internal.v1') =>
      (await house.published(topic, MailsObservedSchema)).flatMap(({ mails }) => mails),
    capture: (mailId, { onlyIfQuoting = false, revision = 1n, inboxId: id = inboxId, threadId = newId() } = {}) =>
      house.publish(
        'rejoinder.sync.commands.v1',
        CaptureMailSchema,
        id,
        { inboxId: id, mailId, onlyIfQuoting, revision, threadId },
        revision,
      ),
    client: () => openMailClient({ port: dovecot.imapsPort, ca: dovecot.ca, user: address }),
    [Symbol.asyncDispose]: async () => {
      await house.stop();
      for (const server of servers) server.forceShutdown();
      await wire.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
