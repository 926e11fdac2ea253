// An intake that is told to go: whoever speaks to it is asked to come again later, and a mail that has begun is taken once, whole.
import { createInterface, type Interface } from 'node:readline';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { buildMail } from '@rejoinder/testing/mail';
import { startPostgres, type Postgres } from '@rejoinder/testing/postgres';
import { startIntakeTown, type IntakeTown } from './intake-town.js';
import { testDovecot } from './town.js';

let dovecot: Dovecot;
let postgres: Postgres;
let town: IntakeTown;
const clients: Socket[] = [];
beforeAll(async () => {
  [dovecot, postgres] = await Promise.all([startDovecot(testDovecot), startPostgres()]);
}, 120_000);
beforeEach(async () => {
  town = await startIntakeTown({ dovecot, postgres, env: { REJOINDER_DRAIN_SECONDS: '3' } });
}, 60_000);
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await town?.[Symbol.asyncDispose]();
});
afterAll(async () => {
  await Promise.all([dovecot?.stop(), postgres?.stop()]);
});

const pod = () => town.house.roles.find(({ name }) => name === 'intake')!;

/** Speaks SMTP line by line. */
class Client {
  readonly #lines: AsyncIterator<string>;

  private constructor(readonly socket: Socket) {
    const lines: Interface = createInterface(socket);
    this.#lines = lines[Symbol.asyncIterator]();
  }

  static async open(): Promise<Client> {
    const socket = connect(town.port, '127.0.0.1').on('error', () => undefined);
    clients.push(socket);
    await once(socket, 'connect');
    return new Client(socket);
  }

  /** The last line of the next answer; undefined once the connection is closed. */
  async heard(): Promise<string | undefined> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) return undefined;
      if (value[3] === ' ') return value;
    }
  }

  async say(line: string): Promise<string | undefined> {
    this.socket.write(`${line}\r\n`);
    return this.heard();
  }
}

async function greeted(): Promise<Client> {
  const client = await Client.open();
  expect(await client.heard()).toMatch(/^220 /);
  expect(await client.say('EHLO mail.outside.test')).toMatch(/^250 /);
  return client;
}

async function inData(): Promise<Client> {
  const client = await greeted();
  expect(await client.say(`MAIL FROM:<${town.address}>`)).toMatch(/^250 /);
  expect(await client.say(`RCPT TO:<${town.loggingAddress}>`)).toMatch(/^250 /);
  expect(await client.say('DATA')).toMatch(/^354 /);
  return client;
}

const taken = async () => (await town.house.query<{ mails: number }>('select count(*)::int as mails from sync.intake'))[0]!.mails;

test('sends away who has begun nothing, and who comes, and takes the mail that has begun', async () => {
  const raw = (await town.sign(await buildMail({ from: town.address, to: 'carla@customer.test', subject: 'Begun' }))).toString();
  const [idle, busy] = [await greeted(), await inData()];
  busy.socket.write(raw.slice(0, 300));
  const drained = pod().drain();
  expect(await idle.heard()).toMatch(/^421 .*Shutting down/);
  expect(await idle.heard()).toBeUndefined();
  expect(await (await Client.open()).heard()).toMatch(/^421 .*Shutting down/);
  expect(await busy.say(`${raw.slice(300)}\r\n.`)).toMatch(/^250 .*Taken/);
  expect(await busy.say(`MAIL FROM:<${town.address}>`)).toMatch(/^421 .*Shutting down/);
  await drained;
  expect(await (await Client.open()).heard()).toMatch(/^421 .*Shutting down/);
  expect(await taken()).toBe(1);
});

test('keeps nothing of a mail that does not come to its end in time, and says so to its sender', async () => {
  const busy = await inData();
  busy.socket.write('From: somebody@crm.test\r\n');
  const began = performance.now();
  await pod().drain();
  expect(performance.now() - began).toBeLessThan(6_000);
  expect(await busy.heard()).toMatch(/^421 /);
  expect(await taken()).toBe(0);
});
