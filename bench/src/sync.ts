// A first sync of a big folder: ours until every mail is stored and threaded, beside a bare socket that asks for the same, and imapflow and mbsync alone.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { ImapFlow, type FetchQueryObject } from 'imapflow';
import pg from 'pg';
import { HEADER_FIELDS } from '@rejoinder/mail/headers';
import { startTown, type Town } from '@rejoinder/testing/crm-town';
import { startEightProcesses, type EightProcesses } from '@rejoinder/testing/eight-processes';
import { growOld } from '@rejoinder/testing/old-house';
import { run } from '@rejoinder/testing/processes';
import { settle } from '@rejoinder/testing/settle';
import { fillInbox } from './big-folder.js';
import { memoryMb } from './memory.js';
import type { BenchResult } from './report.js';

const user = 'huge@crm.test';
/** Of these the best counts: others on the machine only ever make it slower. */
const rounds = 3;
const withinMs = 900_000;
/** Of Linux, whatever its kernel was built with. */
const ticksPerSecond = 100;

/** Everything over TLS, from one Dovecot, in one run, beside the same eight processes. */
export async function sync(mails: number, say: (line: string) => void): Promise<BenchResult> {
  const town = await startTown();
  town.env.REJOINDER_MAIL_ALLOWED_PORTS += `,${town.dovecot.imapsPort}`;
  let eight: EightProcesses | undefined;
  try {
    say(`filling a folder with ${mails} mails`);
    await town.dovecot.addUser(user, town.login.password);
    await fillInbox(town.dovecot, user, mails);
    await bare(town, mails);
    eight = await startEightProcesses(town.env, { track_commit_timestamp: 'on' });
    await growOld(eight.databaseUrl);
    const socket: number[] = [];
    const imapflow: number[] = [];
    const imapflowCpu: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      say(`bare socket and imapflow, ${round} of ${rounds}`);
      socket.push(await timed(() => bare(town, mails)));
      const before = process.cpuUsage();
      imapflow.push(await timed(() => envelopes(town, mails)));
      const { user: userUs, system } = process.cpuUsage(before);
      imapflowCpu.push((userUs + system) / 1_000_000);
    }
    const scan = await timed(() => flags(town, mails));
    say('mbsync, bodies and all');
    const mbsync = await withMbsync(town);
    say('ours');
    const ours = await withOurs(town, eight, mails);
    const [socketS, imapflowS, imapflowCpuS] = [socket, imapflow, imapflowCpu].map((all) => Math.min(...all)) as [number, number, number];
    return {
      name: 'sync',
      figures: {
        mails,
        socket_s: socketS,
        imapflow_s: imapflowS,
        imapflow_cpu_s: imapflowCpuS,
        imapflow_scan_s: scan,
        ...(mbsync ? { mbsync_s: mbsync } : {}),
        ...ours,
      },
      ratios: {
        ours_over_imapflow: ours.ours_s / imapflowS,
        ours_over_socket: ours.ours_s / socketS,
        sync_cpu_over_imapflow: ours.sync_cpu_s / imapflowCpuS,
        audit_over_scan: ours.ours_audit_s / scan,
      },
    };
  } finally {
    await eight?.stop();
    await town.stop();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1_000;
}

/** Asks for all header fields at once, and counts the answers. */
async function bare({ dovecot, login }: Town, mails: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port: dovecot.imapsPort, ca: dovecot.ca.pem, servername: 'localhost' });
  const commands = [
    `a LOGIN ${user} ${login.password}`,
    'b EXAMINE INBOX',
    `c UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (${HEADER_FIELDS.join(' ')})])`,
  ];
  socket.write(commands.map((line) => `${line}\r\n`).join(''));
  let answers = 0;
  let tail = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    const text = tail + chunk.toString('latin1');
    for (let at = text.indexOf(' FETCH ('); at >= 0; at = text.indexOf(' FETCH (', at + 1)) answers++;
    // Shorter than what is looked for, so that nothing is counted twice.
    tail = text.slice(-7);
    if (/^c OK /m.test(text.slice(-200))) break;
  }
  socket.destroy();
  if (answers !== mails) throw new Error(`the bare socket saw ${answers} of ${mails} mails`);
}

const flagsOnly: FetchQueryObject = { uid: true, flags: true };
const envelopes = (town: Town, mails: number) => fetchAll(town, mails, { ...flagsOnly, internalDate: true, size: true, envelope: true });
/** How a client without CONDSTORE finds out what has changed and what is gone. */
const flags = (town: Town, mails: number) => fetchAll(town, mails, flagsOnly);

async function fetchAll({ dovecot, login }: Town, mails: number, query: FetchQueryObject): Promise<void> {
  const client = new ImapFlow({
    host: 'localhost',
    port: dovecot.imapsPort,
    secure: true,
    tls: { ca: dovecot.ca.pem },
    auth: { user, pass: login.password },
    logger: false,
    disableCompression: true,
  });
  await client.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
  let seen = 0;
  for await (const message of client.fetch('1:*', query, { uid: true })) seen += message.envelope || !query.envelope ? 1 : 0;
  await client.logout();
  if (seen !== mails) throw new Error(`imapflow saw ${seen} of ${mails} mails`);
}

/** Undefined where it is not installed. */
async function withMbsync({ dovecot, login }: Town): Promise<number | undefined> {
  const installed = await run('mbsync', 'mbsync', ['--version']).then(
    () => true,
    () => false,
  );
  if (!installed) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-mbsync-'));
  try {
    const ca = join(folder, 'ca.pem');
    await writeFile(ca, dovecot.ca.pem);
    const config = `IMAPAccount a\nHost localhost\nPort ${dovecot.imapsPort}\nUser ${user}\nPass ${login.password}\nSSLType IMAPS\nCertificateFile ${ca}\n
IMAPStore far\nAccount a\n\nMaildirStore near\nInbox ${folder}/inbox\n\nChannel c\nFar :far:\nNear :near:\nSync Pull\nCreate Near\nSyncState ${folder}/\n`;
    await writeFile(join(folder, 'mbsyncrc'), config);
    return await timed(
      async () => void (await run('mbsync', 'mbsync', ['-q', '-c', join(folder, 'mbsyncrc'), 'c'], { timeoutMs: withinMs })),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Ours = Record<
  | 'ours_s'
  | 'ours_stored_s'
  | 'ours_second_s'
  | 'ours_audit_s'
  | 'sync_cpu_s'
  | 'threading_cpu_s'
  | 'sync_rest_mb'
  | 'sync_peak_mb'
  | 'threading_peak_mb',
  number
>;

/**
 * From the request that connects the mailbox until each mail is stored and has its thread; the test of the servers is part of it. Then once more, with
 * nothing changed: from the request that resumes it until it is live; and once with an audit of every UID.
 */
async function withOurs(town: Town, eight: EightProcesses, mails: number): Promise<Ours> {
  const database = new pg.Client({ connectionString: eight.databaseUrl });
  try {
    await database.connect();
    const one = async (sql: string) => (await database.query<{ value: string }>(sql)).rows[0]?.value;
    const hasAll = async (table: string) => Number(await one(`select count(*) as value from ${table}`)) >= mails;
    const isRead = async () => (await one(`select history_next as value from sync.folder where path = 'INBOX'`)) === '1';
    const isLive = async () => (await one('select state as value from sync.session')) === 'live';
    const restMb = memoryMb(eight.program('sync').pid, 'VmRSS');
    const before = { sync: cpuS(eight.program('sync').pid), threading: cpuS(eight.program('threading').pid) };
    const began = performance.now();
    const imap = { host: 'localhost', port: town.dovecot.imapsPort, security: 'tls' };
    const { inbox_id: inboxId } = await eight.rest.connect({ ...town.login, address: user, imap, settings: { history_days: 0 } });
    // Counting a hundred thousand rows again and again would be part of what is measured.
    await settle('the folder to be read', isRead, { timeoutMs: withinMs });
    await settle('all mails to be stored', () => hasAll('sync.mail_header'), { timeoutMs: withinMs });
    const storedS = (performance.now() - began) / 1_000;
    await settle('all mails to have their thread', () => hasAll('threading.node'), { timeoutMs: withinMs });
    const oursS = (performance.now() - began) / 1_000;
    // Others on the machine change these less than the time.
    const cpu = {
      sync_cpu_s: cpuS(eight.program('sync').pid) - before.sync,
      threading_cpu_s: cpuS(eight.program('threading').pid) - before.threading,
    };
    await settle('the inbox to be live', isLive, { timeoutMs: withinMs });
    await eight.rest.call('POST', `/v1/inboxes/${inboxId}/pause`);
    await settle('the inbox to be paused', async () => !(await isLive()), { timeoutMs: withinMs });
    const secondS = await timed(async () => {
      await eight.rest.call('POST', `/v1/inboxes/${inboxId}/resume`);
      await settle('the inbox to be live again', isLive, { timeoutMs: withinMs });
    });
    await eight.rest.call('POST', `/v1/inboxes/${inboxId}/pause`);
    await settle('the inbox to be paused again', async () => !(await isLive()), { timeoutMs: withinMs });
    await database.query(`update sync.folder set audited_at = null where path = 'INBOX'`);
    const resumed = performance.now();
    await eight.rest.call('POST', `/v1/inboxes/${inboxId}/resume`);
    const inbox = `from sync.folder where path = 'INBOX'`;
    await settle('the folder to be audited', async () => Boolean(await one(`select audited_at as value ${inbox}`)), {
      timeoutMs: withinMs,
    });
    // By PostgreSQL's clock: settle() looks less and less often.
    const auditedMs = Number(await one(`select extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000 as value ${inbox}`));
    const auditS = (auditedMs - performance.timeOrigin - resumed) / 1_000;
    return {
      ours_s: oursS,
      ours_stored_s: storedS,
      ours_second_s: secondS,
      ...cpu,
      ours_audit_s: auditS,
      sync_rest_mb: restMb,
      sync_peak_mb: memoryMb(eight.program('sync').pid, 'VmHWM'),
      threading_peak_mb: memoryMb(eight.program('threading').pid, 'VmHWM'),
    };
  } finally {
    await database.end();
  }
}

/** What a process has used of the processors, in user and system time. */
function cpuS(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
