// Tells which mail a delivery report is about, by the header that came back with it: read before the gate has opened, the one exception (docs/decisions/0025).
import { Fault } from '@rejoinder/base/fault';
import { MailKind } from '@rejoinder/contracts/mail';
import { capped } from '@rejoinder/mail/chain';
import { parseAddresses } from '@rejoinder/mail/addresses';
import { messageIdInText, returnedMessageId } from '@rejoinder/mail/delivery-report';
import { firstValue, parseHeaders, type MailHeaders } from '@rejoinder/mail/headers';
import { MAX_FIRST_TEXT_BYTES, MAX_RETURNED_BYTES, reportPlanOf, type ReportPlan } from '@rejoinder/mail/report-parts';
import { formatSendMark, parseSendMark, SEND_HEADER } from '@rejoinder/mail/send-mark';
import { partText } from '../capture/mail-text.js';
import type { ImapSession } from '../imap/imap-session.js';
import { decodeTransfer } from '../imap/transfer-decoder.js';
import type { Observation, Surroundings } from './observe.js';

/** So many reports of one batch are looked into, the newest, for so long; the others say what their own headers say. */
export const maxReports = 20;
const maxMs = 30_000;

export type ReportSession = Pick<ImapSession, 'structure' | 'sections'>;
type Around = Pick<Surroundings, 'hash' | 'isSigned'>;

/**
 * Puts the mail that a report is about at the end of its chain, as its nearest ancestor; the folder is open. Answers how many reports could not be looked into. A server that refuses, or a
 * connection that breaks, takes no mail away: the batch is saved without, and whoever asks the server next hears of it.
 */
export async function nameOriginals(observations: readonly Observation[], imap: ReportSession, around: Around): Promise<number> {
  const reports = observations.filter(({ mail }) => mail.kind === MailKind.DELIVERY_REPORT);
  const began = performance.now();
  let read = 0;
  for (const report of reports.slice(-maxReports)) {
    if (performance.now() - began > maxMs) break;
    try {
      const ids = await originalsOf(report, imap, around.isSigned);
      for (const id of ids) addNearest(report, around.hash('message-id', id));
      read++;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
  }
  return reports.length - read;
}

/** Ids of the one mail, nearest last: where a provider has rewritten its Message-ID, the mark in its header tells ours. Nothing else of what is read is kept. */
async function originalsOf({ uid }: Observation, imap: ReportSession, isSigned: Around['isSigned']): Promise<string[]> {
  const root = (await imap.structure(uid))?.root;
  if (!root) return [];
  const plan = reportPlanOf(root);
  const returned = parseHeaders(await returnedHeader(uid, plan, imap));
  const ids = [returnedMessageId(returned), markedId(returned, isSigned)];
  const found = ids.filter((id) => id !== undefined);
  if (found.length > 0 || !plan.firstText) return found;
  const { partId, fetchBytes } = plan.firstText;
  const bytes = await section(uid, partId, Math.min(fetchBytes, MAX_FIRST_TEXT_BYTES), imap);
  return [messageIdInText(partText(plan.firstText, bytes, new Map()))].filter((id) => id !== undefined);
}

async function returnedHeader(uid: number, { returnedHeader: part, returnedMessage }: ReportPlan, imap: ReportSession): Promise<Buffer> {
  if (part) return decodeTransfer(part.encoding, await section(uid, part.partId, Math.min(part.fetchBytes, MAX_RETURNED_BYTES), imap));
  return returnedMessage === undefined ? Buffer.alloc(0) : section(uid, `${returnedMessage}.HEADER`, MAX_RETURNED_BYTES, imap);
}

async function section(uid: number, name: string, maxBytes: number, imap: ReportSession): Promise<Buffer> {
  const sections = maxBytes > 0 ? await imap.sections(uid, [{ section: name, start: 0, maxBytes }]) : undefined;
  return sections?.get(name) ?? Buffer.alloc(0);
}

/** The Message-ID that sending gave to the mail that came back: the mark, at the domain it was sent from. */
export function markedId(returned: MailHeaders, isSigned: Around['isSigned']): string | undefined {
  const mark = parseSendMark(firstValue(returned, SEND_HEADER) ?? '');
  const domain = parseAddresses(firstValue(returned, 'from') ?? '')[0]
    ?.address.split('@')
    .at(-1);
  return mark && domain && isSigned(mark, mark.mac) ? `${formatSendMark(mark, () => mark.mac)}@${domain}` : undefined;
}

/** Where its own headers cite that mail, they say where it stands. Of what they leave in doubt nothing is asked any more. */
function addNearest(report: Observation, hash: Buffer): void {
  report.doubtfulHashes = [];
  const isSelf = report.messageIdHash?.equals(hash);
  if (isSelf || report.mail.chainHashes.some((known) => hash.equals(known))) return;
  report.mail.chainHashes = capped([...report.mail.chainHashes, hash]);
}
