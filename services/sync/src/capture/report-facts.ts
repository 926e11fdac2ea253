// What a tracked delivery report says became of a mail, from the parts that are read of it: its report, the header that came back, its first text.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { DeliverySchema } from '@rejoinder/contracts/mail';
import { classify } from '@rejoinder/mail/automatic';
import { readReport } from '@rejoinder/mail/delivery-report';
import { parseHeaders } from '@rejoinder/mail/headers';
import { MAX_REPORT_BYTES, reportPlanOf, type ReportPart, type ReportPlan } from '@rejoinder/mail/report-parts';
import type { SectionQuery } from '../imap/imap-session.js';
import { decodeTransfer } from '../imap/transfer-decoder.js';
import { decodeWords } from '../inbox/decode-words.js';
import { markedId } from '../inbox/report-originals.js';
import type { TenantHash } from '../inbox/tenant-hash.js';
import type { MailCopy } from './mail-copy.js';
import { partText } from './mail-text.js';

export interface ReportFacts {
  deliveries: MessageInitShape<typeof DeliverySchema>[];
  aboutMessageId: string;
}

/** Undefined of any other mail. */
export function reportPlanIn({ header, root }: MailCopy): ReportPlan | undefined {
  return root && classify(parseHeaders(header), decodeWords) === 'delivery_report' ? reportPlanOf(root) : undefined;
}

export function reportQueries({ firstText, status, returnedHeader, returnedMessage }: ReportPlan): SectionQuery[] {
  const parts = [firstText, status, returnedHeader].filter((part) => part !== undefined);
  const queries = parts.map(({ partId, fetchBytes }) => ({ section: partId, start: 0, maxBytes: fetchBytes }));
  const ofMessage = returnedMessage === undefined ? [] : [{ section: `${returnedMessage}.HEADER`, start: 0, maxBytes: MAX_REPORT_BYTES }];
  return [...queries, ...ofMessage].filter(({ maxBytes }) => maxBytes > 0);
}

export function reportFacts(
  header: Buffer,
  plan: ReportPlan,
  sections: ReadonlyMap<string, Buffer>,
  isSigned: TenantHash['isSigned'],
): ReportFacts {
  const bytes = (section: string) => sections.get(section) ?? Buffer.alloc(0);
  const plain = (part: ReportPart | undefined) => (part ? decodeTransfer(part.encoding, bytes(part.partId)).toString() : '');
  const returnedHeader = plain(plan.returnedHeader) || bytes(`${plan.returnedMessage ?? ''}.HEADER`).toString();
  const { deliveries, messageId } = readReport({
    headers: parseHeaders(header),
    firstText: plan.firstText ? partText(plan.firstText, bytes(plan.firstText.partId), new Map()) : '',
    status: plain(plan.status),
    returnedHeader,
  });
  const told = deliveries.map(({ address, originalAddress, outcome, ...of }) => ({
    address: (address ?? '').toWellFormed(),
    originalAddress: (originalAddress ?? '').toWellFormed(),
    outcome,
    class: of.class ?? '',
    status: of.status ?? '',
    evidence: of.evidence ?? '',
  }));
  const sentAs = markedId(parseHeaders(returnedHeader.slice(0, MAX_REPORT_BYTES)), isSigned);
  return { deliveries: told, aboutMessageId: (sentAs ?? messageId ?? '').toWellFormed() };
}
