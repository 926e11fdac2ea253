// Runs one Dovecot in its folder: its process, its users file, its indexes.
import { accessSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestCa } from './certificates.js';
import { oauthConfig, paths, usersConfig, type DovecotPorts } from './dovecot-config.js';
import type { Owner } from './folders.js';
import { answersOn, ready, run, startProgram, type Program } from './processes.js';
import { isRoot } from './users.js';

export const DOVECOT_HINT =
  'Dovecot 2.3 is needed: apt-get install -y dovecot-imapd dovecot-lmtpd dovecot-submissiond (or: node scripts/system-packages.mjs)';

export interface DovecotService {
  up(): Promise<void>;
  down(): Promise<void>;
  kill(): Promise<void>;
}

export function dovecotService(folder: string, ports: DovecotPorts): DovecotService {
  const at = paths(folder);
  let program: Program | undefined;
  return {
    async up() {
      if (program?.running()) return;
      program = startProgram({ name: 'Dovecot', command: await findDovecot(), args: ['-F', '-c', at.config], folders: [folder] });
      const probe = () => Promise.all(Object.values(ports).map((port) => answersOn(port)));
      await ready(program, probe, { hint: DOVECOT_HINT, log: () => readFile(at.log, 'utf8') });
    },
    down: async () => program?.stop('SIGTERM', 5_000),
    kill: async () => program?.stop('SIGKILL'),
  };
}

async function findDovecot(): Promise<string> {
  const command = ['/usr/sbin/dovecot', '/usr/local/sbin/dovecot', '/opt/homebrew/sbin/dovecot'].find(isThere);
  if (!command) throw new Error(`Dovecot is not installed. ${DOVECOT_HINT}`);
  const version = (await run('Dovecot', command, ['--version'])).trim();
  if (!version.startsWith('2.3.')) throw new Error(`Dovecot ${version} was found, whose configuration is another one. ${DOVECOT_HINT}`);
  return command;
}

function isThere(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

export interface DovecotFiles {
  ca: TestCa;
  config: string;
  mailOwner: Owner;
  introspectionUrl: string | undefined;
}

export async function writeDovecotFiles(folder: string, { ca, config, mailOwner, introspectionUrl }: DovecotFiles): Promise<void> {
  const at = paths(folder);
  const caFile = join(folder, 'trusted.pem');
  const { cert, key } = await ca.issue();
  await Promise.all([
    writeFile(at.cert, cert),
    writeFile(at.key, key, { mode: 0o600 }),
    writeFile(at.config, config),
    writeFile(at.dict, usersConfig(folder)),
    ...(introspectionUrl ? [writeFile(caFile, ca.pem), writeFile(at.oauth, oauthConfig(introspectionUrl, caFile))] : []),
    mkdir(at.mail),
    mkdir(at.run),
  ]);
  await chmod(folder, 0o711);
  if (isRoot()) await chown(at.mail, mailOwner.uid, mailOwner.gid);
}

export interface DovecotUsers {
  has(address: string): boolean;
  set(address: string, password: string): Promise<void>;
  remove(address: string): Promise<void>;
}

/** Numbers of users of the system that nobody has a name for. */
const firstOwnUid = 200_000;

export async function dovecotUsers(folder: string, mailOwner: Owner, ownUids: boolean): Promise<DovecotUsers> {
  const at = paths(folder);
  /** The user of the system that each has its mails as. */
  const known = new Map<string, number>();
  const fileOf = (kind: 'passdb' | 'userdb', address: string) => join(at.users, kind, address);
  const write = async (file: string, fields: Record<string, string>) => {
    await writeFile(`${file}.draft`, JSON.stringify(fields));
    await rename(`${file}.draft`, file);
  };
  for (const kind of ['passdb', 'userdb']) await mkdir(join(at.users, kind), { recursive: true });
  return {
    has: (address) => known.has(address.toLowerCase()),
    async set(address, password) {
      const user = address.toLowerCase();
      await write(fileOf('passdb', user), { password: `{PLAIN}${password}` });
      const home = join(at.mail, user);
      const uid = known.get(user) ?? (ownUids ? firstOwnUid + known.size : mailOwner.uid);
      if (ownUids && !known.has(user)) {
        await mkdir(home);
        await chown(home, uid, mailOwner.gid);
      }
      await write(fileOf('userdb', user), { uid: String(uid), gid: String(mailOwner.gid), home });
      known.set(user, uid);
    },
    async remove(address) {
      const user = address.toLowerCase();
      known.delete(user);
      await Promise.all([rm(fileOf('passdb', user), { force: true }), rm(fileOf('userdb', user), { force: true })]);
    },
  };
}

/**
 * Puts every mail, in its folder and with its flags, into a new store and exchanges the two. Each folder has another
 * UIDVALIDITY then, and its UIDs begin one higher, so that an old UID means another mail. (Just removing an mdbox's indexes
 * would also change both, but its rebuild puts moved mails back into the folder they first came to.)
 */
export async function renewStore(mdbox: string, address: string, doveadm: (...args: string[]) => Promise<string>): Promise<void> {
  const [restored, old] = [`${mdbox}-restored`, `${mdbox}-old`];
  // Refused where nobody is logged in.
  const kick = () => doveadm('kick', address).catch(() => {});
  const inRestored = (...args: string[]) => doveadm('-o', `mail_location=mdbox:${restored}`, ...args);
  await kick();
  const status = await doveadm('-f', 'tab', 'mailbox', 'status', '-u', address, 'uidvalidity', '*');
  for (const line of status.trim().split('\n').slice(1)) {
    const [folder, validity] = line.split('\t');
    await inRestored('mailbox', 'create', '-u', address, folder!).catch((error: Error) => {
      if (!error.message.includes('already exists')) throw error;
    });
    await inRestored('mailbox', 'update', '-u', address, '--uid-validity', String(Number(validity) + 1), '--min-next-uid', '2', folder!);
  }
  await inRestored('import', '-s', '-u', address, `mdbox:${mdbox}`, '', 'ALL');
  // In one go: whoever logs in between would find an empty mailbox. Who has logged in again meanwhile holds the old one, and is not told.
  await rename(mdbox, old);
  await rename(restored, mdbox);
  await kick();
  await rm(old, { recursive: true });
}
