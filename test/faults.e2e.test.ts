// Each service in its own process, killed at any moment of the main job, and S3 away: nothing is lost, nothing is there twice, nothing is sent twice.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses, type EightProcesses } from '@rejoinder/testing/eight-processes';
import { randomFrom, seededRandom, type Random } from '@rejoinder/testing/seed';
import { pause } from '@rejoinder/testing/settle';
import { workInHand } from '@rejoinder/testing/work-in-hand';
import { connectSales } from './main-job.js';
import { FaultJob } from './fault-job.js';

const isLong = process.env.REJOINDER_LONG !== undefined;
const roundsEach = isLong ? 3 : 1;
const s3AwayMs = isLong ? 60_000 : 10_000;
const longestDownMs = 2_000;
/** How long a service may run between two looks at what it has in hand. */
const stepMs = 4;
const testMs = 240_000;

const { seed } = seededRandom();
let town: Town;
let eight: EightProcesses;
let database: pg.Client;
let job: FaultJob;
let flowMs: number;

beforeAll(async () => {
  town = await startTown();
  eight = await startEightProcesses(town.env);
  database = new pg.Client({ connectionString: eight.databaseUrl });
  await database.connect();
  job = new FaultJob(eight.rest, town, database, await connectSales({ rest: eight.rest, town }));
}, 300_000);

afterAll(async () => {
  await database?.end();
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

/** What mail alone does not ask of a service, done beside it. */
const beside: Partial<Record<ServiceName, () => Promise<void>>> = {
  connections: () => job.connectPartner(),
  retention: () => job.proveTonight(),
};

/** What these two read of Kafka in this flow is nothing to them, so that it proves nothing if it waits. */
const hearsNothing: ServiceName[] = ['connections', 'retention'];

interface Death {
  service: ServiceName;
  subject: string;
  /** How long after the round has begun it may die. */
  fromMs: number;
  downMs: number;
  /** Whether an event that is not handled yet is enough, or only what has been begun. */
  withUnread: boolean;
}

describe('kill -9 in the midst of work', () => {
  for (const [index, service] of services.entries()) {
    const random = randomFrom((seed + index) % 2 ** 32);
    for (let turn = 1; turn <= roundsEach; turn++) {
      it(`${service}, round ${turn}`, () => killed(service, `${service} dies ${turn}`, random), testMs);
    }
  }
});

/** The job is played while the service dies at work from some moment of it on, and comes back a little later. */
async function killed(service: ServiceName, subject: string, random: Random): Promise<void> {
  const [fromMs, downMs] = [random.int(0, flowMs), random.int(0, longestDownMs)];
  const hears = !hearsNothing.includes(service);
  const first = { service, subject, fromMs, downMs, withUnread: hears && random.chance(0.5) };
  try {
    const inHand = (await diesIn(first)) ?? (await diesIn({ ...first, subject: `${subject}, at once`, fromMs: 0, withUnread: hears }));
    if (!inHand) throw new Error('it never had anything in hand');
    process.stdout.write(
      `${service} was killed with ${inHand.join(', ')}, ${fromMs} ms in at the soonest, for ${downMs} ms (seed ${seed})\n`,
    );
  } catch (error) {
    const said = services.map((one) => `--- ${one}\n${eight.program(one).output().slice(-3_000)}`).join('\n');
    throw new Error(`killed ${fromMs} ms in at the soonest, for ${downMs} ms\n${said}`, { cause: error });
  }
}

/** One round; answers what the service had in hand when it was killed, or nothing where the round was over before that. */
async function diesIn(death: Death): Promise<string[] | undefined> {
  const round = job.begin(death.subject);
  let isOver = false;
  const fault = async () => {
    await pause(death.fromMs);
    const inHand = await killAtWork(death, () => isOver);
    if (!inHand) return undefined;
    await pause(death.downMs);
    await eight.start(death.service);
    return inHand;
  };
  const played = Promise.all([job.play(round), beside[death.service]?.()]).finally(() => (isOver = true));
  const [inHand] = await Promise.all([fault(), played]);
  await job.settled(round);
  return inHand;
}

/** Freezes it again and again, until it is seen with work in hand: with that it is killed. */
async function killAtWork({ service, withUnread }: Death, isOver: () => boolean): Promise<string[] | undefined> {
  while (!isOver()) {
    eight.program(service).signal('SIGSTOP');
    const inHand = await workInHand(service, database);
    const unread = inHand.length === 0 && withUnread ? await eight.kafka.lag(`rejoinder.${service}`) : 0;
    if (unread > 0) inHand.push(`${unread} events to handle`);
    if (inHand.length > 0) {
      await eight.kill(service);
      return inHand;
    }
    eight.program(service).signal('SIGCONT');
    await pause(stepMs);
  }
  return undefined;
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
    for (const service of services) {
      const { rows } = await database.query(`select topic, type, reason from ${service}.dead_letter`);
      expect(rows).toEqual([]);
    }
  },
  testMs,
);
