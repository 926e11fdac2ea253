// What delivery reports of many mail servers say, against their labels; docs/automatic-mail.md shows the figures.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { classify, isAutomatic } from '../src/automatic.js';
import { parseContentType } from '../src/content-type.js';
import { messageIdInText, readReport, returnedMessageId, type DeliveryReport } from '../src/delivery-report.js';
import { parseHeaders } from '../src/headers.js';
import { MimeScan, partsById, type ScannedPart } from '../src/mime-scan.js';
import { MAX_FIRST_TEXT_BYTES, MAX_RETURNED_BYTES, reportPlanOf } from '../src/report-parts.js';
import { corporaExist, readCorpus } from './corpus.js';

interface Recipient {
  status: string;
  reason: string;
}
interface Labelled {
  file: string;
  recipients: Recipient[];
}

const labels = corporaExist
  ? readCorpus('sisimai-bounces/labels.jsonl')
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Labelled)
  : [];
const reasons = ['feedback', 'vacation'];
const bounces = labels.filter(({ recipients }) => !reasons.includes(recipients[0]!.reason));

interface Reading extends DeliveryReport {
  /** What is told of the mail that came back before the report is tracked. */
  early: string | undefined;
}

/** As sync would read it: what the plan names of it, and nothing else. */
function read(raw: Buffer): Reading {
  const scan = new MimeScan((value) => {
    const { type, parameters } = parseContentType(value);
    return { value: type, params: Object.fromEntries(parameters) };
  });
  scan.push(raw);
  const root = scan.end();
  const parts = partsById(root);
  const plan = reportPlanOf(root);
  const body = (partId: string | undefined, maxBytes?: number) => textOf(raw, parts.get(partId ?? ''), maxBytes);
  const returned = plan.returnedHeader?.partId ?? plan.returnedMessage;
  const early =
    returnedMessageId(parseHeaders(body(returned, MAX_RETURNED_BYTES))) ??
    messageIdInText(body(plan.firstText?.partId, MAX_FIRST_TEXT_BYTES));
  const report = readReport({
    headers: parseHeaders(raw),
    firstText: body(plan.firstText?.partId),
    status: body(plan.status?.partId),
    returnedHeader: body(returned),
  });
  return { ...report, early };
}

function textOf(raw: Buffer, part: ScannedPart | undefined, maxBytes = Infinity): string {
  if (!part) return '';
  const bytes = raw.subarray(part.bodyStart, Math.min(part.bodyEnd, part.bodyStart + maxBytes));
  if (part.encoding === 'base64') return Buffer.from(bytes.toString('latin1'), 'base64').toString();
  if (part.encoding !== 'quoted-printable') return bytes.toString();
  const plain = bytes.toString('latin1').replace(/=\r?\n/g, '');
  return Buffer.from(
    plain.replace(/=([\dA-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString();
}

/** The classes of the labels; Sisimai makes up the status `5.0.9xx` where no server stated one. */
const classes: Record<string, string> = { 5: 'permanent', 4: 'transient', 2: 'success', '': 'none' };
const classOf = ({ status }: Recipient) => classes[status[0] ?? '']!;
const isStated = ({ status }: Recipient) => status !== '' && !/^\d\.0\.9\d\d$/.test(status);

interface Row {
  recipients: number;
  sameClass: number;
  otherClass: number;
  stated: number;
  sameStatus: number;
}

/** Of each class of the labels; what the headers do not mark is not read, and so not told. */
function figures(): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { file, recipients } of bounces) {
    const deliveries = reports.get(file)?.deliveries ?? [];
    for (const [at, label] of recipients.entries()) {
      const row = rows.get(classOf(label)) ?? { recipients: 0, sameClass: 0, otherClass: 0, stated: 0, sameStatus: 0 };
      const found = deliveries[at];
      rows.set(classOf(label), row);
      row.recipients++;
      row.sameClass += Number(found?.class === classOf(label));
      row.otherClass += Number(found?.class !== undefined && found.class !== classOf(label));
      row.stated += Number(isStated(label));
      row.sameStatus += Number(isStated(label) && found?.status === label.status);
    }
  }
  return rows;
}

const mails = new Map(bounces.map(({ file }) => [file, readCorpus(`sisimai-bounces/eml/${file}`)]));
const marked = bounces.filter(({ file }) => classify(parseHeaders(mails.get(file)!)) === 'delivery_report');
const reports = new Map(marked.map(({ file }) => [file, read(mails.get(file)!)]));

/** Every Message-ID in the body of a mail, quoted or folded as it may be. */
function idsIn(raw: Buffer): string[] {
  const whole = raw.toString('latin1');
  const body = whole.slice(whole.search(/\r?\n\r?\n/));
  const found = [body, body.replace(/=\r?\n/g, ''), Buffer.from(body, 'base64').toString('latin1')].flatMap((text) => [
    ...text.matchAll(/^[> ]*message-id:\s*<([^<>]+)>/gim),
  ]);
  return found.map(([, id]) => id!.replace(/\s/g, ''));
}

describe.runIf(corporaExist)('of the labelled bounces', () => {
  const page = readFileSync(new URL('../../../docs/automatic-mail.md', import.meta.url), 'utf8');

  it('none is called an automatic answer', () => {
    const kinds = bounces.map(({ file }) => classify(parseHeaders(mails.get(file)!)));
    expect(kinds.filter((kind) => isAutomatic(kind) && kind !== 'delivery_report')).toEqual([]);
  });

  it('class and status are told as the page says', () => {
    const rows = [...figures()].map(([name, { recipients, sameClass, otherClass, stated, sameStatus }]) =>
      [name, recipients, sameClass, otherClass, stated, sameStatus].join(' '),
    );
    expect(tableOf(page, 'permanent', 'transient', 'success').sort()).toEqual(rows.sort());
  });

  it('the mail that came back is found as the page says, and none is taken for it', () => {
    const there = bounces.filter(({ file }) => idsIn(mails.get(file)!).length > 0);
    const found = [...reports].filter(([, { messageId }]) => messageId !== undefined);
    const wrong = found.filter(([file, { messageId }]) => !idsIn(mails.get(file)!).includes(messageId!));
    expect(wrong.map(([file]) => file)).toEqual([]);
    const count = (place: string) => found.filter(([, { messageIdIn }]) => messageIdIn === place).length;
    const early = found.filter(([, one]) => one.early === one.messageId);
    expect([...reports.values()].filter((one) => one.early !== undefined)).toHaveLength(early.length);
    const places = [count('returned_header'), count('text'), count('references')];
    const row = [bounces.length, marked.length, there.length, found.length, ...places, early.length];
    expect(tableOf(page, 'bounces')).toEqual([['bounces', ...row].join(' ')]);
  });
});

/** The rows of a page's tables that begin with one of these words. */
function tableOf(page: string, ...names: string[]): string[] {
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  const cells = rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return cells.filter(([name]) => names.includes(name!)).map((each) => each.join(' '));
}
