// A sync role with its intake, beside a DNS server in which senders' domains publish SPF, DKIM and DMARC.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dkimSign } from 'mailauth';
import { SyncService, type QuarantinedMail } from '@rejoinder/contracts/api/sync';
import { MailCapturedSchema, type MailCaptured } from '@rejoinder/contracts/events/sync';
import { createTestCa } from '@rejoinder/testing/certificates';
import { startDns, type Dns } from '@rejoinder/testing/dns';
import { settle } from '@rejoinder/testing/settle';
import { deliverBySmtp, type SmtpEnvelope } from '@rejoinder/testing/smtp';
import { role as intakeRole } from '../src/intake/role.js';
import { SmtpDoor } from '../src/intake/smtp-door.js';
import { startTown, type Town, type TownOptions } from './town.js';

const selector = 's1';
const keys = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
export const dkimRecord = `v=DKIM1; k=rsa; p=${publicKey}`;
const domain = 'example.test';
/** What the domains of senders publish: no client of the tests is named by SPF. */
export const published = {
  [domain]: 'v=spf1 ip4:127.0.0.9 -all',
  [`_dmarc.${domain}`]: 'v=DMARC1; p=reject',
  [`${selector}._domainkey.${domain}`]: dkimRecord,
  [`${selector}._domainkey.outside.test`]: dkimRecord,
};
const privateKey = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

export interface IntakeTown extends Town {
  dns: Dns;
  ca: string;
  port: number;
  /** The logging address of the town's inbox. */
  loggingAddress: string;
  /** Signs a mail for a domain, by default the inbox's own. */
  sign(raw: Buffer, domain?: string, more?: { maxBodyLength?: number }): Promise<Buffer>;
  /** Hands a mail to the intake, from the inbox's own address to its logging address unless said otherwise; the server's answer. */
  deliver(raw: Buffer | string, envelope?: Partial<SmtpEnvelope>): Promise<string>;
  quarantine(): Promise<QuarantinedMail[]>;
  /** Waits until a mail of this subject is held back. */
  held(subject: string): Promise<QuarantinedMail>;
  /** Has threading's part played, which asks for what is observed as logged, and waits until a mail of this subject is captured. */
  logged(subject: string): Promise<MailCaptured>;
}

export async function startIntakeTown(options: TownOptions): Promise<IntakeTown> {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-intake-'));
  const ca = await createTestCa();
  const { cert, key } = await ca.issue();
  writeFileSync(join(folder, 'cert.pem'), cert);
  writeFileSync(join(folder, 'key.pem'), key);
  const dns = await startDns(published);
  const env = {
    REJOINDER_INTAKE_DOMAIN: 'log.crm.test',
    REJOINDER_INTAKE_LISTEN: '127.0.0.1:0',
    REJOINDER_INTAKE_CERTIFICATE_FILE: join(folder, 'cert.pem'),
    REJOINDER_INTAKE_CERTIFICATE_KEY_FILE: join(folder, 'key.pem'),
    REJOINDER_INTAKE_DNS_SERVERS: dns.address,
    ...options.env,
  };
  const town = await startTown({ ...options, env, roles: [intakeRole] });
  await town.startInbox();
  await town.live();
  const { peers, tenantId } = town.house;
  const { address: loggingAddress } = await peers.client(SyncService).getLoggingAddress({ tenantId, inboxId: town.inboxId });
  const port = town.house.roles
    .find(({ name }) => name === 'intake')!
    .app.get(SmtpDoor)
    .port();
  const quarantine = async () => (await peers.client(SyncService).listQuarantine({ tenantId, pageSize: 0, pageToken: '' })).mails;
  const asked = new Set<string>();
  const captured = () => town.house.published('rejoinder.sync.v1', MailCapturedSchema);
  const stop = town[Symbol.asyncDispose].bind(town);
  return Object.assign(town, {
    dns,
    ca: ca.pem,
    port,
    loggingAddress,
    sign: async (raw: Buffer, signingDomain = domain, more: { maxBodyLength?: number } = {}) => {
      const signer = { signingDomain, selector, privateKey, ...more };
      return Buffer.concat([Buffer.from((await dkimSign(raw, { ...signer, signatureData: [signer] })).signatures), raw]);
    },
    deliver: (raw: Buffer | string, { from = town.address, to = loggingAddress }: Partial<SmtpEnvelope> = {}) =>
      deliverBySmtp(port, { from, to }, raw),
    quarantine,
    held: (subject: string) =>
      settle(`"${subject}" to be held back`, async () => (await quarantine()).find((one) => one.subject === subject)),
    logged: (subject: string) =>
      settle(`"${subject}" to be captured`, async () => {
        for (const { mailId, logged } of await town.observed()) {
          if (!logged || asked.has(mailId)) continue;
          asked.add(mailId);
          await town.capture(mailId);
        }
        return (await captured()).find((one) => one.subject === subject);
      }),
    [Symbol.asyncDispose]: async () => {
      await stop();
      await dns.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  });
}
