// The people and servers of the end-to-end tests: a mailbox to connect, a contact, a stranger, and an IMAP wire that is written down.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCa } from './certificates.js';
import { startDovecot, type Dovecot } from './dovecot.js';
import { startIdentityProvider, type IdentityProvider } from './identity-provider.js';
import { startImapWire, type ImapWire } from './imap-wire.js';
import { openMailClient, type MailClient } from './imap-client.js';

export const people = {
  sales: 'sales@crm.test',
  contact: 'carla@customer.test',
  stranger: 'newsletter@elsewhere.test',
  third: 'theo@partner.test',
};

export interface Login {
  address: string;
  password: string;
  display_name: string;
  imap: object;
  smtp: object;
}

export interface Town {
  dovecot: Dovecot;
  /** Between Rejoinder and Dovecot's IMAP. */
  wire: ImapWire;
  /** Where Rejoinder is to reach IMAP. */
  imapPort: number;
  /** Where its people sign in, if it has one. */
  idp: IdentityProvider | undefined;
  /** Settings that let Rejoinder reach and trust the town. */
  env: Record<string, string>;
  /** What a person types to connect the sales mailbox. */
  login: Login;
  /** The sales mailbox as its owner's own mail program sees it, past the wire. */
  openSales(): Promise<MailClient>;
  stop(): Promise<void>;
}

export interface TownOptions {
  /** Where people come back to who sign in at the page of the town's own provider; without it there is none. */
  signedInAt?: string[];
  /** The address by which Rejoinder, on another machine, reaches the mail servers: its tests lead from there to their ports here. */
  reachedAt?: string;
  /** Rejoinder is led past the wire, which costs the test's own process time for each byte. */
  unheard?: boolean;
}

export async function startTown({ signedInAt, reachedAt = 'localhost', unheard = false }: TownOptions = {}): Promise<Town> {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-town-'));
  const ca = await createTestCa(undefined, [...new Set(['localhost', '127.0.0.1', reachedAt])]);
  const idp = signedInAt === undefined ? undefined : await startIdentityProvider(ca, signedInAt);
  // Where the machine has run out of inotify instances, Dovecot looks for new mail at this interval; its default is 30 s.
  const dovecot = await startDovecot({ ca, introspectionUrl: idp?.introspectionUrl, extra: 'mailbox_idle_check_interval = 1 secs' });
  const wire = await startImapWire({ port: dovecot.imapsPort, ca: dovecot.ca });
  const imapPort = unheard ? dovecot.imapsPort : wire.port;
  // Of each town its own, so that a log or a disk that has it has it from here.
  const password = randomBytes(16).toString('hex');
  for (const address of Object.values(people)) await dovecot.addUser(address, password);
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, dovecot.ca.pem);
  const providersFile = join(folder, 'providers.json');
  const known = idp?.settings({ imapPort, smtpPort: dovecot.submissionsPort, domains: ['crm.test'] });
  if (known) writeFileSync(providersFile, JSON.stringify([known]));
  const server = (port: number) => ({ host: reachedAt, port, security: 'tls' });
  return {
    dovecot,
    wire,
    imapPort,
    idp,
    env: {
      ...(idp ? { REJOINDER_OAUTH_PROVIDERS_FILE: providersFile } : {}),
      REJOINDER_MAIL_CA_FILE: caFile,
      REJOINDER_MAIL_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      REJOINDER_MAIL_ALLOWED_PORTS: [imapPort, dovecot.submissionsPort].join(','),
    },
    login: {
      address: people.sales,
      password,
      display_name: 'Sally Sales',
      imap: server(imapPort),
      smtp: server(dovecot.submissionsPort),
    },
    openSales: () => openMailClient({ port: dovecot.imapsPort, ca: dovecot.ca, user: people.sales, password }),
    stop: async () => {
      await wire.stop();
      await dovecot.stop();
      await idp?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
