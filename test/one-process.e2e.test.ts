// The whole house in one process with the local event log: the main job.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { services } from '@rejoinder/runtime/services';
import { loadRoles } from '../services/rejoinder/src/roles.js';
import { mainJob } from './main-job.js';
import { filesIn, folderHolds } from './folder.js';
import { Rest } from '@rejoinder/testing/rest';
import { startTown, type Town } from '@rejoinder/testing/crm-town';

const apiKey = 'rk_end_to_end_test_key_of_one_process';
let town: Town;
let house: TestHouse;
let rest: Rest;
const store = mkdtempSync(join(tmpdir(), 'rejoinder-store-'));

beforeAll(async () => {
  town = await startTown();
  house = await startTestHouse({
    roles: await loadRoles(services),
    env: {
      ...town.env,
      REJOINDER_STORE: 'disk',
      REJOINDER_STORE_FOLDER: store,
      REJOINDER_BOOTSTRAP_API_KEY: apiKey,
      REJOINDER_HTTP_LISTEN: '127.0.0.1:0',
    },
    logLevel: 'warn',
  });
  rest = new Rest(`http://${house.roles.find((role) => role.name === 'gateway')!.httpAddress}`, apiKey);
});

afterAll(async () => {
  await house?.stop();
  await town?.stop();
  rmSync(store, { recursive: true, force: true });
});

it('connects, sends, logs the reply with its attachments, and reads nothing else', async () => {
  await mainJob({ rest, town }, { holds: (bytes) => folderHolds(store, bytes), count: async () => (await filesIn(store)).length });
}, 240_000);

it('has no dead letter at the end', async () => {
  for (const service of services) {
    const letters = await house.query(`select topic, type, reason from ${service}.dead_letter`);
    expect(letters).toEqual([]);
  }
});
