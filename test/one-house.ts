// The whole house in one process beside its town, as the end-to-end tests of one process start it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Clock } from '@rejoinder/base/clock';
import { services } from '@rejoinder/runtime/services';
import { startTown, type Town } from '@rejoinder/testing/crm-town';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import type { Postgres } from '@rejoinder/testing/postgres';
import { freePort } from '@rejoinder/testing/ports';
import { startReceiver, type Receiver } from '@rejoinder/testing/receiver';
import { Rest } from '@rejoinder/testing/rest';
import { settle } from '@rejoinder/testing/settle';
import { allIn, loadRoles } from '../services/rejoinder/src/roles.js';

const apiKey = 'rk_end_to_end_test_key_of_one_process';

export interface OneHouse {
  town: Town;
  house: TestHouse;
  rest: Rest;
  /** Folder of the stored attachments. */
  store: string;
  /** Begins to receive webhooks, where they may lead. */
  receive(): Promise<Receiver>;
  stop(): Promise<void>;
}

export interface OneHouseOptions {
  env?: Record<string, string>;
  postgres?: Postgres;
  clock?: Clock;
  /** Ports that mail servers may be on beside the town's. */
  ports?: number[];
  /** The town has a provider at whose page its people sign in. */
  signIn?: boolean;
}

export async function startOneHouse({ env = {}, postgres, clock, ports = [], signIn = false }: OneHouseOptions = {}): Promise<OneHouse> {
  const store = mkdtempSync(join(tmpdir(), 'rejoinder-store-'));
  const httpListen = `127.0.0.1:${signIn ? await freePort() : 0}`;
  const town = await startTown(signIn ? { signedInAt: ['inboxes', 'reconnect'].map((at) => `http://${httpListen}/${at}/signed-in`) } : {});
  const receiverPort = await freePort();
  let receiver: Receiver | undefined;
  const house = await startTestHouse({
    roles: await loadRoles(allIn(env)),
    env: {
      ...town.env,
      REJOINDER_MAIL_ALLOWED_PORTS: [town.env.REJOINDER_MAIL_ALLOWED_PORTS, ...ports].join(','),
      REJOINDER_WEBHOOK_CA_FILE: town.env.REJOINDER_MAIL_CA_FILE!,
      REJOINDER_WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32',
      REJOINDER_WEBHOOK_ALLOWED_PORTS: String(receiverPort),
      REJOINDER_STORE: 'disk',
      REJOINDER_STORE_FOLDER: store,
      REJOINDER_BOOTSTRAP_API_KEY: apiKey,
      REJOINDER_HTTP_LISTEN: httpListen,
      ...env,
    },
    ...(postgres ? { postgres } : {}),
    ...(clock ? { clock } : {}),
    logLevel: 'warn',
  });
  const stop = async () => {
    await house.stop();
    await receiver?.stop();
    await town.stop();
    rmSync(store, { recursive: true, force: true });
  };
  const receive = async () => (receiver = await startReceiver(town.dovecot.ca, { port: receiverPort }));
  return { town, house, rest: restOf(house), store, receive, stop };
}

/** REST of the house as it runs now. */
export function restOf(house: TestHouse): Rest {
  return new Rest(`http://${house.roles.find((role) => role.name === 'gateway')!.httpAddress}`, apiKey);
}

/** Waits until so many mails of the folder were looked at, and threading has judged as many as were observed. */
export async function observed({ rest, house }: Pick<OneHouse, 'rest' | 'house'>, inboxId: string, folder: string, count: number) {
  await settle(
    `${count} mails of ${folder} to be observed`,
    async () => (await rest.inbox(inboxId)).progress?.folders.find(({ path }) => path === folder)?.seen === count,
    { timeoutMs: 60_000 },
  );
  await settle(
    'all observed mails to be judged',
    async () => {
      const sql = `select count(*)::int as left from (select distinct tenant_id, mail_id from sync.mail_header) h
        where not exists (select 1 from threading.node n where n.tenant_id = h.tenant_id and n.mail_id = h.mail_id)`;
      return (await house.query<{ left: number }>(sql))[0]!.left === 0;
    },
    { timeoutMs: 60_000 },
  );
}

/** Nothing died on the way, in any service. */
export async function expectNoDeadLetters(house: TestHouse): Promise<void> {
  for (const service of services) expect(await house.query(`select topic, type, reason from ${service}.dead_letter`)).toEqual([]);
}

/** Nothing is on its way any more: every event was taken by everybody, and of no mail anything is still to be done. */
export async function quiet(house: TestHouse, timeoutMs = 240_000): Promise<void> {
  const outboxes = services.map((service) => `exists (select 1 from ${service}.outbox where placed_at is null)`);
  const unread = `exists (select 1 from bus.position p join bus.log_end e using (topic, partition) where p.next_offset < e.next_offset)`;
  const work = [
    `exists (select 1 from sync.capture where state = 'wanted')`,
    `exists (select 1 from sync.part where state = 'pending')`,
    `exists (select 1 from timeline.mail where to_place or text_state = 'pending')`,
  ];
  const sql = `select ${[...outboxes, unread, ...work].join(' or ')} as busy`;
  await settle('the house to be quiet', async () => !(await house.query<{ busy: boolean }>(sql))[0]!.busy, { timeoutMs });
}
