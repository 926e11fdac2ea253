// Connections beside a real OpenID Connect provider and a Dovecot that takes its access tokens, and what tests of signing in do there.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '@rejoinder/base/fault';
import type { Clock } from '@rejoinder/base/clock';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { createTestCa } from '@rejoinder/testing/certificates';
import { startDovecot, type Dovecot } from '@rejoinder/testing/dovecot';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { startIdentityProvider, type IdentityProvider } from '@rejoinder/testing/identity-provider';
import { role } from '../src/role.js';

export const redirectUri = 'http://127.0.0.1:7420/inboxes/signed-in';
export const slow = { deadlineMs: 40_000 };
export const caller = 'whoever asks';

/** The machine's time, moved by hand. */
export const clock: Clock & { aheadMs: number } = { aheadMs: 0, now: () => new Date(Date.now() + clock.aheadMs) };

export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'passed',
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );

/** With more lines of dovecot.conf. */
export async function openSignInHouse(extra = '') {
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-sign-in-'));
  const ca = await createTestCa();
  const idp: IdentityProvider = await startIdentityProvider(ca, [redirectUri]);
  const dovecot: Dovecot = await startDovecot({ ca, introspectionUrl: idp.introspectionUrl, extra });
  const [caFile, providersFile] = [join(folder, 'ca.pem'), join(folder, 'providers.json')];
  await writeFile(caFile, ca.pem);
  const known = idp.settings({ imapPort: dovecot.imapsPort, smtpPort: dovecot.submissionsPort, domains: ['town.test'] });
  await writeFile(providersFile, JSON.stringify([known]));
  const house: TestHouse = await startTestHouse({
    roles: [role],
    clock,
    logLevel: (process.env.LOG as 'info' | undefined) ?? 'error',
    env: {
      REJOINDER_MAIL_CA_FILE: caFile,
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: [dovecot.imapsPort, dovecot.submissionsPort].join(','),
      REJOINDER_OAUTH_PROVIDERS_FILE: providersFile,
    },
  });
  const { tenantId } = house;
  const client = () => house.peers.client(ConnectionsService);
  const start = (address: string, more: object = {}) =>
    client().startSignIn({ tenantId, provider: 'town', address, redirectUri, caller, ...more }, slow);
  const finish = (callbackUrl: string, more: object = {}) => client().finishSignIn({ tenantId, callbackUrl, caller, ...more }, slow);
  /** The whole way, by the person who owns the address. */
  const signIn = async (address: string, more: object = {}) => {
    const { authorizationUrl } = await start(address, more);
    return finish(await idp.visit(authorizationUrl));
  };
  const connected = async (address: string) => {
    await dovecot.addUser(address);
    return (await signIn(address, { displayName: 'Anna' })).inbox!;
  };
  const credential = (inboxId: string, refusedToken = '') => client().getCredential({ tenantId, inboxId, refusedToken }, slow);
  const stop = async () => {
    await house.stop();
    await dovecot.stop();
    await idp.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { ca, idp, dovecot, house, tenantId, client, start, finish, signIn, connected, credential, stop };
}

export type SignInHouse = Awaited<ReturnType<typeof openSignInHouse>>;
