// Real and broken mails of the shared corpora, in the whole house: none is read before it is logged, and of each it is known what became of it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { people } from '@rejoinder/testing/crm-town';
import type { MailClient } from '@rejoinder/testing/imap-client';
import { buildMail } from '@rejoinder/testing/mail';
import { expectNoDeadLetters, observed, quiet, startOneHouse, type OneHouse } from './one-house.js';

const corpora = fileURLToPath(new URL('../../shared/corpora', import.meta.url));
const folders = ['mail-parser', 'mime4j', 'enmime', 'mikel-mail'];
const logFolder = 'CRM';

interface Sample {
  name: string;
  raw: Buffer;
  uid?: number;
  /** As the server reads its envelope. */
  messageId?: string;
  trackedId?: string;
  mailId?: string;
  outcome?: string;
}

/** The texts beside the mails are none; enmime's parts and a mail without an ending are, as a server takes them. IMAP wants CRLF. */
function samplesOf(folder: string): Sample[] {
  const names = readdirSync(join(corpora, folder), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(eml|msg|raw)$|^sample_output/.test(name),
  );
  return names.sort().map((name) => {
    const text = readFileSync(join(corpora, folder, name)).toString('latin1');
    return { name: relative(corpora, join(corpora, folder, name)), raw: Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'latin1') };
  });
}

const isThere = existsSync(corpora);
if (!isThere) process.stdout.write(`skipped: there is no folder of corpora at ${corpora}\n`);

describe.runIf(isThere)('mails of the corpora', () => {
  const samples = isThere ? folders.flatMap(samplesOf) : [];
  const refused: Sample[] = [];
  let one: OneHouse;
  let sales: MailClient;
  let inboxId: string;

  beforeAll(async () => {
    one = await startOneHouse({ env: { REJOINDER_SYNC_FOLDER_POLL_SECONDS: '2' } });
    sales = await one.town.openSales();
    await sales.createFolder(logFolder);
    samples.push(...(await ownMails()));
  }, 60_000);

  afterAll(async () => {
    await sales?.stop();
    await one?.stop();
  });

  it('are taken by the server, observed, and not read', async () => {
    for (const sample of samples) {
      const uid = await sales.append('INBOX', sample.raw).catch(() => undefined);
      if (uid === undefined) await byLmtp(sample);
      else sample.uid = uid;
    }
    const taken = samples.filter(({ uid }) => uid !== undefined);
    expect(taken.length).toBeGreaterThan(250);
    for (const { uid, messageId } of await sales.mails()) {
      const sample = samples.find((one) => one.uid === uid);
      if (sample) sample.messageId = messageId;
    }
    const inbox = await one.rest.connect({ ...one.town.login, settings: { log_folder: logFolder } });
    inboxId = inbox.inbox_id;
    await observed(one, inboxId, 'INBOX', taken.length);
    const places = await one.house.query<{ uid: string; mail_id: string }>(
      `select l.uid, l.mail_id from sync.location l join sync.folder f using (folder_id) where f.path = 'INBOX'`,
    );
    const mailIds = new Map(places.map(({ uid, mail_id }) => [Number(uid), mail_id]));
    for (const sample of taken) sample.mailId = mailIds.get(sample.uid!)!;
    expect(taken.filter(({ mailId }) => mailId === undefined)).toEqual([]);
    const reports = await one.house.query<{ mail_id: string }>(`select mail_id from threading.node where kind = 'delivery_report'`);
    const isReport = ({ mailId }: Sample) => reports.some((report) => report.mail_id === mailId);
    const ofReports = new Set(taken.filter(isReport).map(({ uid }) => uid));
    // The one exception: of notices of mail servers, the header of the mail that came back, or the start of the text.
    expect(ofReports.size).toBeGreaterThan(0);
    expect(one.town.wire.bodies().filter(({ uid }) => !ofReports.has(uid))).toEqual([]);
    expect(await one.rest.contacts()).toEqual([]);
  }, 240_000);

  /** What APPEND does not take may yet come from outside. */
  async function byLmtp(sample: Sample): Promise<void> {
    const before = (await sales.mails()).map(({ uid }) => uid);
    const isTaken = await one.town.dovecot.deliver(people.sales, sample.raw).then(
      () => true,
      () => false,
    );
    if (isTaken) sample.uid = (await sales.mails()).map(({ uid }) => uid).find((uid) => !before.includes(uid))!;
    else refused.push(sample);
  }

  it('are logged by Message-ID or by the log folder, and each is on a timeline or has a record that says why not', async () => {
    const taken = samples.filter(({ uid }) => uid !== undefined);
    for (const sample of taken) if (sample.messageId) sample.trackedId = await trackedId(sample.messageId);
    const moved = taken.filter((sample) => sample.trackedId === undefined);
    // The server may have thanked it for its long idleness.
    await sales.stop();
    sales = await one.town.openSales();
    await sales.move(
      moved.map(({ uid }) => uid!),
      'INBOX',
      logFolder,
    );
    await observed(one, inboxId, logFolder, moved.length);
    await quiet(one.house);
    await report(taken, moved);
  }, 600_000);

  /** Undefined where it is no Message-ID. */
  async function trackedId(messageId: string): Promise<string | undefined> {
    try {
      return (await one.rest.track(messageId)).tracked_id;
    } catch (error) {
      if (String(error).includes('answered 400')) return undefined;
      throw error;
    }
  }

  it('show no HTML that could run, load or reach anything', async () => {
    const shown = await allEngagements();
    const html = shown.map((one) => one.html).filter((one) => one !== '');
    expect(html.length).toBeGreaterThan(25);
    expect(html.flatMap(dangersIn)).toEqual([]);
    // What is new is a part of the text, and most have one.
    expect(shown.filter((one) => one.new_text.length > one.text.length)).toEqual([]);
    expect(shown.filter((one) => one.new_text !== '').length).toBeGreaterThan(shown.length / 2);
    process.stdout.write(
      `${shown.length} engagements, ${html.length} with HTML, ${shown.filter((one) => one.new_text.trim() !== one.text.trim()).length} with less new text than text\n`,
    );
  });

  async function allEngagements() {
    const pages = [];
    for (const { contact_id } of await allContacts()) pages.push(await one.rest.timeline(contact_id));
    return pages.flat();
  }

  async function report(taken: Sample[], moved: Sample[]): Promise<void> {
    const textStates = new Map<string, string>();
    for (const { mail_id, text_state } of await allEngagements()) textStates.set(mail_id, text_state);
    for (const sample of taken) sample.outcome = await outcomeOf(sample, textStates);
    const outcomes = Object.groupBy(taken, ({ outcome }) => outcome!);
    const table = Object.entries(outcomes).map(([outcome, list]) => `${String(list!.length).padStart(5)}  ${outcome}`);
    process.stdout.write(
      [
        `${samples.length} mails: ${taken.length} in the inbox, ${refused.length} refused by the server (${refused.map(({ name }) => name).join(', ')})`,
        `${new Set(taken.map(({ mailId }) => mailId)).size} different mails; ${taken.length - moved.length} logged by Message-ID, ${moved.length} by folder`,
        ...table,
        ...taken.filter(({ outcome }) => !outcome!.startsWith('on a timeline')).map(({ name, outcome }) => `       ${name}: ${outcome}`),
        '',
      ].join('\n'),
    );
    expect(taken.length + refused.length).toBe(samples.length);
    const others = taken.filter(({ outcome }) => outcome!.startsWith('same Message-ID')).map(({ uid }) => uid);
    const read = one.town.wire.bodies().filter(({ folder, uid }) => folder === 'INBOX' && others.includes(uid));
    expect(read).toEqual([]);
    expect(taken.filter(({ outcome }) => outcome!.startsWith('unknown')).map(({ name, outcome }) => `${name}: ${outcome}`)).toEqual([]);
  }

  async function allContacts() {
    return one.house.query<{ contact_id: string }>('select contact_id from timeline.contact');
  }

  async function outcomeOf(sample: Sample, textStates: Map<string, string>): Promise<string> {
    const textState = textStates.get(sample.mailId!);
    if (textState !== undefined) return `on a timeline, text ${textState}`;
    const { state, reason, mail_id } = await one.rest.tracked(sample.trackedId ?? sample.mailId!);
    // Another mail with the same Message-ID is the one that is meant.
    if (mail_id !== sample.mailId) return `same Message-ID as a mail that is ${textStates.has(mail_id) ? 'on a timeline' : state}`;
    return reason === '' ? `unknown: ${state}` : `${state}: ${reason}`;
  }

  it('has no dead letter, and no role that is in trouble', async () => {
    await expectNoDeadLetters(one.house);
    for (const role of one.house.roles) expect([role.name, role.health().troubles]).toEqual([role.name, []]);
  });
});

/** Tags that are more than text, and attributes that run or load something: nothing but an image of the mail itself has a `src`. */
function dangersIn(html: string): string[] {
  const tags = html.match(/<[a-z!?/][^>]*>/gi) ?? [];
  const bad =
    /^<\/?(?:script|style|iframe|object|embed|svg|math|form|input|button|link|meta|base|template|video|audio|frame)\b|^<[!?]|\son\w+\s*=|\ssrc\s*=\s*"(?!cid:)|\s(?:srcset|background|action|formaction|data)\s*=|url\(|javascript:|vbscript:/i;
  return tags.filter((tag) => bad.test(tag));
}

/** Mails of one's own, which corpora cannot have. */
async function ownMails(): Promise<Sample[]> {
  const parts = { from: people.sales, text: 'Mine.\n' };
  return [
    { name: 'to oneself', raw: await buildMail({ ...parts, to: people.sales, subject: 'A note to myself' }) },
    { name: 'own mail to a customer', raw: await buildMail({ ...parts, to: people.contact, subject: 'Written elsewhere' }) },
    { name: 'own mail to nobody', raw: await buildMail({ ...parts, subject: 'To nobody' }) },
  ];
}
