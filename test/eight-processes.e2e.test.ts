// Each service in its own process over Kafka, gRPC, PostgreSQL and S3: the main job.
import { afterAll, beforeAll, it } from 'vitest';
import { startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses, type EightProcesses } from '@rejoinder/testing/eight-processes';
import { mainJob } from './main-job.js';

let town: Town;
let eight: EightProcesses;

beforeAll(async () => {
  town = await startTown();
  eight = await startEightProcesses(town.env);
}, 300_000);

afterAll(async () => {
  await eight?.stop();
  await town?.stop();
}, 120_000);

it('connects, sends, logs the reply with its attachments, and reads nothing else', async () => {
  await mainJob({ rest: eight.rest, town });
}, 300_000);
