// Where webhooks may lead, and what a receiver can do to us: nothing inside is reached, and nobody else waits for a bad one.
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestCa } from '@rejoinder/testing/certificates';
import { startNameServer, type NameServer } from '@rejoinder/testing/name-server';
import { startReceiver, type Receiver } from '@rejoinder/testing/receiver';
import { settle } from '@rejoinder/testing/settle';
import { of, startWebhookHouse, type WebhookHouse } from './webhook-house.js';

const ours = '127.0.0.1';
/** No network of it is allowed. */
const inside = '127.0.0.2';
let house: WebhookHouse;
let names: NameServer;
/** A web server inside, on a port that is allowed. */
let inner: Receiver;
let port: number;

beforeAll(async () => {
  names = await startNameServer({
    'inside.test': { addresses: [inside] },
    'both.test': { addresses: [ours, inside] },
    'moves.test': { addresses: [ours] },
  });
  house = await startWebhookHouse({ REJOINDER_WEBHOOK_NAME_SERVERS: names.address });
  const known = await house.receiver({ names: ['moves.test', 'inside.test', ours] });
  ({ port } = known);
  inner = await startReceiver(house.ca, { port, address: inside, names: ['moves.test', 'inside.test', 'both.test', inside] });
});
afterAll(async () => {
  await inner?.stop();
  await house?.stop();
  await names?.stop();
});

const refusal = async (url: string) => ((await house.ask('POST', '', { url })).json as { code?: string }).code;
/** What came of the first try of an event. */
const reasonOf = async (id: string) => {
  await house.disconnected();
  const found = await settle('a try', async () => (await house.deliveries(id)).find(({ tries, reason }) => tries > 0 && reason));
  expect(found.state).toBe('waiting');
  return [found.reason, found.status];
};
const tried = async (url: string) => {
  const { webhook_id: id } = await house.add(url, ['InboxDisconnected']);
  const reason = await reasonOf(id);
  await house.ask('DELETE', `/${id}`);
  return reason;
};

describe('a webhook cannot be made', () => {
  test.each([
    ['http://crm.example.com/', 'WEBHOOK_URL'],
    ['https://ada:secret@crm.example.com/', 'WEBHOOK_URL'],
    ['not an address', 'WEBHOOK_URL'],
    ['https://crm.example.com:22/', 'WEBHOOK_PORT'],
    ['https://crm.example.com:5432/', 'WEBHOOK_PORT'],
  ])('that leads to %s', async (url, code) => expect(await refusal(url)).toBe(code));

  test.each([inside, '10.0.0.1', '169.254.169.254', '[::1]', '[::ffff:10.0.0.1]', '0x7f.2', '2130706434', 'inside.test', 'both.test'])(
    'that leads inside: %s',
    async (host) => {
      expect(await refusal(`https://${host}:${port}/`)).toBe('WEBHOOK_BLOCKED');
      expect(inner.told).toEqual([]);
    },
  );

  test('of events that are not public, nor of fields that nobody knows', async () => {
    const events = await house.ask('POST', '', { url: 'https://crm.example.com/', events: ['MailsObserved'] });
    const field = await house.ask('POST', '', { url: 'https://crm.example.com/', secret: 'mine' });
    expect([events.status, field.status]).toEqual([400, 400]);
  });
});

describe('nothing inside is told anything', () => {
  test('by a name that points inside later on', async () => {
    const { webhook_id: id } = await house.add(`https://moves.test:${port}/`, ['InboxDisconnected']);
    // Nobody but that name server knows this name.
    expect(await house.call<object>('POST', `/${id}/test`)).toMatchObject({ taken: true });
    names.records.set('moves.test', { addresses: [inside] });
    expect(await reasonOf(id)).toEqual(['WEBHOOK_BLOCKED', null]);
    expect(await house.call<object>('POST', `/${id}/test`)).toMatchObject({ taken: false, reason: 'WEBHOOK_BLOCKED' });
    expect(inner.told).toEqual([]);
    names.records.delete('moves.test');
    expect(await house.call<object>('POST', `/${id}/test`)).toMatchObject({ taken: false, reason: 'WEBHOOK_HOST' });
    await house.ask('DELETE', `/${id}`);
  });

  test.each([301, 307, 308])('by a redirect (%d), which is not followed', async (status) => {
    const one = await house.receiver();
    one.answer = (_, response) => response.writeHead(status, { location: `https://${inside}:${port}/` }).end();
    expect(await tried(one.url)).toEqual(['WEBHOOK_REDIRECT', status]);
    expect(inner.told).toEqual([]);
  });
});

describe('a receiver', () => {
  test('must have a certificate of its own name, of somebody who is trusted', async () => {
    const other = await house.receiver({ names: ['other.test'] });
    expect(await tried(other.url)).toEqual(['WEBHOOK_TLS', null]);
    await other.stop();
    const stranger = await startReceiver(await createTestCa(), { port: other.port });
    expect(await tried(stranger.url)).toEqual(['WEBHOOK_TLS', null]);
    expect([other.told, stranger.told]).toEqual([[], []]);
    await stranger.stop();
  });

  test('is not listened to for longer than its status takes, however much it says', async () => {
    const one = await house.receiver();
    const chunk = Buffer.alloc(65_536, 'x');
    let written = 0;
    let cut = false;
    one.answer = (_, response) => {
      response.writeHead(200, { 'content-length': 51_000_000 });
      response.on('close', () => (cut = true));
      const more = (): void => {
        while (written < 51_000_000 && !response.destroyed) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
      };
      more();
    };
    const { webhook_id: id } = await house.add(one.url, ['InboxDisconnected']);
    await house.disconnected();
    await settle('it is taken', async () => (await house.deliveries(id))[0]?.state === 'taken');
    await settle('it is cut', () => cut);
    expect(written).toBeLessThan(10_000_000);
    await house.ask('DELETE', `/${id}`);
  });

  test('that drips its answer has taken the event, and holds nothing up', async () => {
    const one = await house.receiver();
    let [open, most] = [0, 0];
    one.answer = (_, response) => {
      most = Math.max(most, ++open);
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 100);
      response.on('close', () => {
        clearInterval(drip);
        open--;
      });
    };
    const { webhook_id: id } = await house.add(one.url, ['EngagementLogged']);
    await house.logged(24);
    const taken = async () => (await house.deliveries(id)).filter(({ state }) => state === 'taken').length;
    await settle('all are taken', async () => (await taken()) === 24, { timeoutMs: 10_000 });
    await settle('all are cut', () => open === 0);
    // The next may come before the one before is seen to be cut.
    expect(most).toBeLessThan(16);
    await house.ask('DELETE', `/${id}`);
  });

  test.each(['nothing at all', 'half a handshake'])(
    'that says %s is waited for some seconds, while another tenant is told at once',
    async (what) => {
      const { other, tenantId } = house.gateway;
      const pits = await Promise.all(Array.from({ length: 10 }, () => tarpit()));
      const bad = await Promise.all(pits.map((pit) => house.add(pit.url, ['InboxDisconnected'])));
      const good = await house.receiver();
      const { webhook_id: theirs } = await house.add(good.url, ['InboxDisconnected'], other.key);
      await house.disconnected(tenantId);
      await settle('all hang', () => pits.every(({ connected }) => connected()), { timeoutMs: 4_000 });
      const took: number[] = [];
      for (let round = 0; round < 5; round++) {
        const began = performance.now();
        const inboxId = await house.disconnected(other.tenantId);
        took.push((await settle('theirs', () => good.told.find(of(inboxId)))).at - began);
      }
      process.stdout.write(`beside ten receivers that say ${what}: at most ${Math.round(Math.max(...took))} ms\n`);
      expect(Math.max(...took)).toBeLessThan(2_000);
      const [first] = await settle('it is over', async () => {
        const found = await house.deliveries(bad[0]!.webhook_id);
        return found[0]!.tries > 0 && found;
      });
      expect(first).toMatchObject({ state: 'waiting', reason: 'WEBHOOK_TIMEOUT', status: null });
      for (const { webhook_id: id } of bad) await house.ask('DELETE', `/${id}`);
      await house.ask('DELETE', `/${theirs}`, undefined, other.key);
      for (const pit of pits) await pit.stop();

      async function tarpit() {
        if (what === 'nothing at all') {
          const one = await house.receiver();
          one.answer = () => undefined;
          return { url: one.url, connected: () => one.told.length > 0, stop: () => one.stop() };
        }
        return mute();
      }
    },
  );
});

/** Takes a connection and says nothing. */
async function mute() {
  const { port: free, stop: leave } = await house.receiver();
  await leave();
  const server: Server = createServer();
  let count = 0;
  server.on('connection', (socket) => {
    count++;
    socket.on('error', () => undefined);
  });
  await once(server.listen(free, ours), 'listening');
  const stop = async () => void server.close();
  return { url: `https://${ours}:${free}/`, connected: () => count > 0, stop };
}
