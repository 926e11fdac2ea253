// Keeping access with real servers: refreshed once over all processes, stored before it is used, and given up only where the provider says so.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '@rejoinder/base/id';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { InboxDisconnectedSchema, InboxReconnectedSchema, InboxSideStoppedSchema } from '@rejoinder/contracts/events/connections';
import { openHouse } from '@rejoinder/runtime/house';
import { createLogger } from '@rejoinder/runtime/logging';
import { Peers } from '@rejoinder/runtime/peers';
import { openRole } from '@rejoinder/runtime/role';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';
import { clock, codeOf, openSignInHouse, slow, type SignInHouse } from './sign-in-house.js';

const topic = 'rejoinder.connections.v1';
const almostAnHour = 3_600_000 - 240_000;
const overAnHour = 3_700_000;

let at: SignInHouse;
let second: { peers: Peers; stop(): Promise<void> };

/** Another process of connections, at the same database. */
async function secondPod(): Promise<typeof second> {
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-second-'));
  const house = await openHouse(at.house.env, { clock, socketFolder: folder, logger: createLogger('error') });
  const running = await openRole(role, house, at.house.env);
  await running.begin();
  const peers = new Peers((service) => house.peerAddress(service));
  const stop = async () => {
    peers.close();
    await running.stop();
    await house.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { peers, stop };
}

beforeAll(async () => {
  at = await openSignInHouse();
  second = await secondPod();
});
afterAll(async () => {
  await second?.stop();
  await at?.stop();
});
beforeEach(() => {
  clock.aheadMs = 0;
  Object.assign(at.idp, { person: 'as hinted', tokenStatus: undefined, tokenDelayMs: 0, introspects: true, revocationDelayMs: 0 });
  at.idp.granted.length = 0;
});

const tokenOf = async (inboxId: string, refused = '') => (await at.credential(inboxId, refused)).login!.accessToken;
const inboxOf = async (inboxId: string) => (await at.client().getInbox({ tenantId: at.tenantId, inboxId })).inbox!;
const lost = async (inboxId: string) => (await at.house.published(topic, InboxDisconnectedSchema)).filter((one) => one.inboxId === inboxId);

describe('an access token', () => {
  it('is given out as it is while it is good', async () => {
    const { inboxId } = await at.connected('anna@town.test');
    at.idp.granted.length = 0;
    expect(await tokenOf(inboxId)).toBe(await tokenOf(inboxId));
    expect(await tokenOf(inboxId, 'a token of yesterday')).toBe(await tokenOf(inboxId));
    expect(at.idp.granted).toEqual([]);
  });

  it('is refreshed ahead of its end, under the same version of the credential', async () => {
    const { inboxId } = await at.connected('bert@town.test');
    const before = await at.credential(inboxId);
    clock.aheadMs = almostAnHour;
    const after = await at.credential(inboxId);
    expect(after.login!.accessToken).not.toBe(before.login!.accessToken);
    expect(after.credentialVersion).toBe(before.credentialVersion);
    expect(Number(after.accessTokenUntil!.seconds)).toBeGreaterThan(Number(before.accessTokenUntil!.seconds));
    expect(await tokenOf(inboxId)).toBe(after.login!.accessToken);
    expect(await lost(inboxId)).toEqual([]);
  });

  it('is refreshed once though two processes are asked at once and often, since the old refresh token would cost the grant', async () => {
    const { inboxId } = await at.connected('cleo@town.test');
    for (const round of [1, 2, 3]) {
      clock.aheadMs = round * overAnHour;
      at.idp.granted.length = 0;
      at.idp.tokenDelayMs = 300;
      const pods = [at.client(), second.peers.client(ConnectionsService)];
      const asked = Array.from({ length: 12 }, (_, index) =>
        pods[index % 2]!.getCredential({ tenantId: at.tenantId, inboxId, refusedToken: '' }, slow),
      );
      const tokens = (await Promise.all(asked)).map(({ login }) => login!.accessToken);
      expect(at.idp.granted).toEqual(['refresh_token']);
      expect(new Set(tokens).size).toBe(1);
    }
    expect(await inboxOf(inboxId)).toMatchObject({ receiving: 'connected', sending: 'ready' });
  });

  it('that its server refuses before its time is replaced, once for all who were refused', async () => {
    const { inboxId } = await at.connected('dora@town.test');
    const refused = await tokenOf(inboxId);
    at.idp.granted.length = 0;
    const tokens = await Promise.all([1, 2, 3].map(() => tokenOf(inboxId, refused)));
    expect(at.idp.granted).toEqual(['refresh_token']);
    expect(new Set(tokens).size).toBe(1);
    expect(tokens).not.toContain(refused);
  });

  it('is refreshed by another process where the one that began has died', async () => {
    const { inboxId } = await at.connected('egon@town.test');
    clock.aheadMs = overAnHour;
    const sql = `update connections.credential set refresh_lease = $2, refresh_lease_until = now() + interval '1 second' where inbox_id = $1`;
    await at.house.query(sql, [inboxId, inboxId]);
    expect(await tokenOf(inboxId)).toMatch(/^[\w-]{20,}$/);
    expect(at.idp.granted.filter((one) => one === 'refresh_token')).toHaveLength(1);
  });
});

describe('a provider that is out of order', () => {
  it('is no alarm: what is still good is given out, and after its end it is tried again', async () => {
    const { inboxId } = await at.connected('finn@town.test');
    const token = await tokenOf(inboxId);
    for (const status of [500, 503, 429]) {
      at.idp.tokenStatus = status;
      clock.aheadMs = almostAnHour;
      expect(await tokenOf(inboxId)).toBe(token);
      clock.aheadMs = overAnHour;
      expect([status, await codeOf(tokenOf(inboxId))]).toEqual([status, 'OAUTH_UNAVAILABLE']);
    }
    expect(await inboxOf(inboxId)).toMatchObject({ receiving: 'connected', receivingReason: '', sending: 'ready' });
    at.idp.tokenStatus = undefined;
    expect(await tokenOf(inboxId)).not.toBe(token);
    expect(await lost(inboxId)).toEqual([]);
  });

  it('is asked by one inbox for all', { timeout: 120_000 }, async () => {
    const names = ['quinn', 'rosa', 'sara', 'tom'];
    const inboxIds: string[] = [];
    for (const name of names) inboxIds.push((await at.connected(`${name}@town.test`)).inboxId);
    clock.aheadMs = overAnHour;
    at.idp.tokenStatus = 503;
    for (const inboxId of inboxIds.slice(0, 3)) expect(await codeOf(tokenOf(inboxId))).toBe('OAUTH_UNAVAILABLE');
    at.idp.tokenStatus = undefined;
    at.idp.granted.length = 0;
    expect(await codeOf(tokenOf(inboxIds[3]!))).toBe('OAUTH_UNAVAILABLE');
    expect(at.idp.granted).toEqual([]);
    await settle('the pause to be over', async () => (await codeOf(tokenOf(inboxIds[3]!))) === 'passed', { timeoutMs: 60_000 });
    for (const inboxId of inboxIds) expect(await tokenOf(inboxId)).toMatch(/./);
  });

  it('is neither where it refuses the installation itself', async () => {
    const { inboxId } = await at.connected('gina@town.test');
    clock.aheadMs = overAnHour;
    at.idp.forgetClient(true);
    expect(await codeOf(tokenOf(inboxId))).toBe('OAUTH_SETUP');
    at.idp.forgetClient(false);
    expect(await inboxOf(inboxId)).toMatchObject({ receiving: 'connected', sending: 'ready' });
    expect(await tokenOf(inboxId)).toMatch(/./);
  });
});

describe('a grant that was withdrawn', () => {
  it('stops both sides with its reason, once, and asks the provider no more', async () => {
    const { inboxId } = await at.connected('hans@town.test');
    at.idp.revoke('hans@town.test');
    clock.aheadMs = overAnHour;
    at.idp.granted.length = 0;
    const codes = await Promise.all([1, 2, 3].map(() => codeOf(tokenOf(inboxId))));
    expect(new Set(codes)).toEqual(new Set(['OAUTH_REVOKED']));
    expect(await codeOf(tokenOf(inboxId))).toBe('OAUTH_REVOKED');
    expect(at.idp.granted).toEqual(['refused refresh_token']);
    expect(await inboxOf(inboxId)).toMatchObject({
      receiving: 'needs_reconnect',
      receivingReason: 'OAUTH_REVOKED',
      sending: 'needs_reconnect',
      sendingReason: 'OAUTH_REVOKED',
    });
    const also = async () => (await at.house.published(topic, InboxSideStoppedSchema)).filter((one) => one.inboxId === inboxId);
    await settle('both sides to be told', async () => (await also()).length === 1);
    expect(await lost(inboxId)).toMatchObject([{ side: 'receiving', reason: 'OAUTH_REVOKED' }]);
    expect(await also()).toMatchObject([{ side: 'sending', reason: 'OAUTH_REVOKED' }]);
  });

  it('is granted again by signing in again, under the same id and a new version', async () => {
    const { inboxId } = await at.connected('ida@town.test');
    at.idp.revoke('ida@town.test');
    clock.aheadMs = overAnHour;
    expect(await codeOf(tokenOf(inboxId))).toBe('OAUTH_REVOKED');
    const { inbox, reconnected } = await at.signIn('', { inboxId });
    expect([reconnected, inbox]).toMatchObject([true, { inboxId, receiving: 'connected', receivingReason: '', sending: 'ready' }]);
    const { credentialVersion, login } = await at.credential(inboxId);
    expect([credentialVersion, login!.accessToken]).toEqual([2n, expect.stringMatching(/./)]);
    const told = await settle('InboxReconnected', async () =>
      (await at.house.published(topic, InboxReconnectedSchema)).find((one) => one.inboxId === inboxId),
    );
    expect(told.credentialVersion).toBe(2n);
  });

  it('is told of a paused inbox once it is resumed', async () => {
    const { inboxId } = await at.connected('jan@town.test');
    await at.client().pause({ tenantId: at.tenantId, inboxId });
    at.idp.revoke('jan@town.test');
    clock.aheadMs = overAnHour;
    expect(await codeOf(tokenOf(inboxId))).toBe('OAUTH_REVOKED');
    expect(await inboxOf(inboxId)).toMatchObject({ receiving: 'paused', sending: 'paused' });
    const { inbox } = await at.client().resume({ tenantId: at.tenantId, inboxId });
    expect(inbox).toMatchObject({ receiving: 'needs_reconnect', receivingReason: 'OAUTH_REVOKED', sending: 'needs_reconnect' });
  });
});

describe('an inbox that is removed', () => {
  const remove = (inboxId: string, tenantId = at.tenantId) => at.client().remove({ tenantId, inboxId });

  it('ends its grant at the provider', async () => {
    const { inboxId } = await at.connected('olga@town.test');
    expect(at.idp.grantsOf('olga@town.test')).toBe(1);
    await remove(inboxId);
    await settle('the grant to be ended', () => at.idp.grantsOf('olga@town.test') === 0);
  });

  it('does not while the mailbox is connected elsewhere, with which the grant would end', async () => {
    const address = 'paul@town.test';
    const { inboxId } = await at.connected(address);
    const tenantId = newId();
    const { authorizationUrl } = await at.start(address, { tenantId });
    const other = (await at.finish(await at.idp.visit(authorizationUrl), { tenantId })).inbox!;
    await remove(inboxId);
    clock.aheadMs = overAnHour;
    const held = () => at.client().getCredential({ tenantId, inboxId: other.inboxId, refusedToken: '' }, slow);
    expect((await held()).login!.accessToken).not.toBe('');
    expect(at.idp.grantsOf(address)).toBe(2);
    await remove(other.inboxId, tenantId);
    await settle('the last grant to be ended', () => at.idp.grantsOf(address) === 1);
  });

  it('is gone at once, however long the provider takes', async () => {
    const { inboxId } = await at.connected('rita@town.test');
    at.idp.revocationDelayMs = 6_000;
    const began = performance.now();
    await remove(inboxId);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(await codeOf(inboxOf(inboxId))).toBe('INBOX_NOT_FOUND');
    expect(await at.house.query('select 1 from connections.credential where inbox_id = $1', [inboxId])).toEqual([]);
    expect(at.idp.grantsOf('rita@town.test')).toBe(1);
  });
});
