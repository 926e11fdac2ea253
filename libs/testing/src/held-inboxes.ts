// One sync process that holds as many inboxes as are wanted, with connections beside it in a process of its own, over one PostgreSQL. Needs a build.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { fromBinary } from '@bufbuild/protobuf';
import { newId } from '@rejoinder/base/id';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { MailsObservedSchema } from '@rejoinder/contracts/events/sync';
import { openHouse } from '@rejoinder/runtime/house';
import { createLogger } from '@rejoinder/runtime/logging';
import { Peers } from '@rejoinder/runtime/peers';
import type { Dovecot } from './dovecot.js';
import { rejoinder } from './eight-processes.js';
import { growOld } from './old-house.js';
import { freePorts } from './ports.js';
import { startPostgres } from './postgres.js';
import { ready, startProgram, type Program } from './processes.js';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const startWithinMs = 90_000;
const stopWithinMs = 30_000;
const connectWithinMs = 60_000;

export interface HeldInboxes {
  sync: Program;
  /** Connects a mailbox; both its servers are logged in to, as a person would. Answers its inbox_id. */
  connect(address: string, password: string): Promise<string>;
  /** How many sessions are in this state. */
  inState(state: string): Promise<number>;
  /** When the first mail of each inbox was committed, with the event that tells of it: milliseconds since 1970, by PostgreSQL's clock. */
  savedAt(): Promise<Map<string, number>>;
  /** Calls back with the inbox and performance.now() when a consumer of sync's events hears of new mail. */
  hear(told: (inboxId: string, atMs: number) => void): Promise<void>;
  stop(): Promise<void>;
}

/** With more arguments for Node, for the sync process alone. */
export async function startHeldInboxes(dovecot: Dovecot, nodeArgs: string[]): Promise<HeldInboxes> {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-held-'));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, dovecot.ca.pem);
  const postgres = await startPostgres({ settings: { track_commit_timestamp: 'on' } });
  const [connectionsGrpc, connectionsHealth, syncGrpc, syncHealth] = (await freePorts(4)) as [number, number, number, number];
  const env: Record<string, string> = {
    REJOINDER_DATABASE_URL: await postgres.createDatabase('rejoinder'),
    REJOINDER_KEYRING_URL: await postgres.createDatabase('keyring'),
    REJOINDER_KEY_FILE: join(folder, 'key'),
    REJOINDER_BUS: 'local',
    REJOINDER_STORE: 'disk',
    REJOINDER_MAIL_CA_FILE: caFile,
    REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
    REJOINDER_MAIL_ALLOWED_PORTS: [dovecot.imapsPort, dovecot.submissionsPort].join(','),
    REJOINDER_CONNECTIONS_GRPC: `127.0.0.1:${connectionsGrpc}`,
  };
  await rejoinder(env, 'make-key', env.REJOINDER_KEY_FILE!);
  await rejoinder(env, 'migrate');
  await growOld(env.REJOINDER_DATABASE_URL!);
  const start = async (service: string, grpc: number, health: number, args: string[]) => {
    const program = startProgram({
      name: service,
      command: process.execPath,
      args: [...args, join(repository, 'services', service, 'dist', 'main.js')],
      env: { ...env, REJOINDER_GRPC_LISTEN: `127.0.0.1:${grpc}`, REJOINDER_HEALTH_LISTEN: `127.0.0.1:${health}` },
    });
    const isReady = async () => {
      const response = await fetch(`http://127.0.0.1:${health}/health/ready`, { signal: AbortSignal.timeout(2_000) });
      if (!response.ok) throw new Error(await response.text());
    };
    await ready(program, isReady, { timeoutMs: startWithinMs });
    return program;
  };
  const connections = await start('connections', connectionsGrpc, connectionsHealth, []);
  const sync = await start('sync', syncGrpc, syncHealth, nodeArgs);
  const pool = new pg.Pool({ connectionString: env.REJOINDER_DATABASE_URL, max: 1 });
  const house = await openHouse(env, { logger: createLogger('error') });
  const peers = new Peers(() => `127.0.0.1:${connectionsGrpc}`);
  const tenantId = newId();
  return {
    sync,
    connect: async (address, password) => {
      const server = (port: number) => ({ host: 'localhost', port, security: 'tls' });
      const login = {
        ...{ address, username: address, password },
        imap: server(dovecot.imapsPort),
        smtp: server(dovecot.submissionsPort),
      };
      const request = { tenantId, login, displayName: 'Held' };
      const { inbox, checks } = await peers.client(ConnectionsService).connect(request, { deadlineMs: connectWithinMs });
      if (!inbox) throw new Error(`${address} could not be connected: ${checks.map(({ code }) => code).join(' ')}`);
      return inbox.inboxId;
    },
    inState: async (state) => {
      const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from sync.session where state = $1', [state]);
      return rows[0]!.n;
    },
    savedAt: async () => {
      const sql = `select inbox_id as id, min(extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000)::float8 as at from sync.mail_header group by inbox_id`;
      const { rows } = await pool.query<{ id: string; at: number }>(sql);
      return new Map(rows.map(({ id, at }) => [id, at]));
    },
    hear: async (told) => {
      await house.eventLog.consume({
        group: 'held-inboxes',
        topics: ['rejoinder.sync.internal.v1'],
        handle: (batch) => {
          const atMs = performance.now();
          for (const { type, value } of batch)
            if (type === MailsObservedSchema.name) told(fromBinary(MailsObservedSchema, value).inboxId, atMs);
          return Promise.resolve();
        },
      });
    },
    stop: async () => {
      peers.close();
      await house.close();
      await pool.end();
      await Promise.all([sync.stop('SIGTERM', stopWithinMs), connections.stop('SIGTERM', stopWithinMs)]);
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
