// Each service in its own process, killed at any moment of the main job, and S3 away: nothing is lost, nothing is there twice, nothing is sent twice.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses, type EightProcesses } from '@rejoinder/testing/eight-processes';
import { randomFrom, seededRandom, type Random } from '@rejoinder/testing/seed';
import { pause } from '@rejoinder/testing/settle';
import { connectSales } from './main-job.js';
import { FaultJob } from './fault-job.js';

const isLong = process.env.REJOINDER_LONG !== undefined;
const roundsEach = isLong ? 3 : 1;
const s3AwayMs = isLong ? 60_000 : 10_000;
const longestDownMs = 2_000;
const testMs = 240_000;

const { seed } = seededRandom();
let town: Town;
let eight: EightProcesses;
let job: FaultJob;
let flowMs: number;

beforeAll(async () => {
  town = await startTown();
  eight = await startEightProcesses(town.env);
  job = new FaultJob(eight.rest, town, await connectSales({ rest: eight.rest, town }));
}, 300_000);

afterAll(async () => {
  await eight?.stop();
  await town?.stop();
}, 120_000);

it(
  'without a fault',
  async () => {
    const began = Date.now();
    const round = job.begin('No fault');
    await job.play(round);
    flowMs = Date.now() - began;
    await job.settled(round);
  },
  testMs,
);

describe('kill -9', () => {
  for (const [index, service] of services.entries()) {
    const random = randomFrom((seed + index) % 2 ** 32);
    for (let turn = 1; turn <= roundsEach; turn++) {
      it(`${service}, round ${turn}`, () => killed(service, `${service} dies ${turn}`, random), testMs);
    }
  }
});

/** The job is played while the service dies at some moment of it and comes back a little later. */
async function killed(service: ServiceName, subject: string, random: Random): Promise<void> {
  const [momentMs, downMs] = [random.int(0, flowMs), random.int(0, longestDownMs)];
  const round = job.begin(subject);
  const fault = async () => {
    await pause(momentMs);
    await eight.kill(service);
    await pause(downMs);
    await eight.start(service);
  };
  try {
    await Promise.all([job.play(round), fault()]);
    await job.settled(round);
  } catch (error) {
    const said = services.map((one) => `--- ${one}\n${eight.program(one).output().slice(-3_000)}`).join('\n');
    throw new Error(`killed ${momentMs} ms in, for ${downMs} ms\n${said}`, { cause: error });
  }
}

it(
  'a send whose fate is unknown says so, is not sent again, and was sent once its copy is found in Sent',
  async () => {
    const round = job.begin('Nobody knows');
    town.dovecot.relay.dropAfterData();
    await job.sendOut(round);
    await eight.kill('sending');
    await eight.start('sending');
    expect(await job.settled(round)).toBe('unconfirmed');
    await job.answer(round);
    await job.complete(round);
  },
  testMs,
);

it(
  `S3 away for ${s3AwayMs / 1_000} s: text at once, files as soon as it is back`,
  async () => {
    const round = job.begin('Without a store');
    await job.sendOut(round);
    await job.settled(round);
    await eight.s3.down();
    await job.answer(round);
    const isReadable = ({ text_state, attachments }: { text_state: string; attachments: object[] }) =>
      text_state === 'ready' && attachments.length === 1;
    const reply = await job.onTimeline(`Re: ${round.subject}`, isReadable);
    expect(reply.text).toContain(round.reply.text);
    expect(reply.attachments).toMatchObject([{ state: 'pending' }]);
    await pause(s3AwayMs);
    expect((await job.onTimeline(`Re: ${round.subject}`, isReadable)).attachments).toMatchObject([{ state: 'pending' }]);
    await eight.s3.up();
    await job.complete(round);
  },
  testMs,
);

it(
  'each mail is there once, and no record was put aside',
  async () => {
    await job.holdsAll();
    const client = new pg.Client({ connectionString: eight.databaseUrl });
    await client.connect();
    for (const service of services) {
      const { rows } = await client.query(`select topic, type, reason from ${service}.dead_letter`);
      expect(rows).toEqual([]);
    }
    await client.end();
  },
  testMs,
);
