// What is told of a captured mail: its people, subject and times from the header, its attachments from the structure.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { idFromHash } from '@rejoinder/base/id';
import { AttachmentState, type AttachmentDeclaredSchema } from '@rejoinder/contracts/mail';
import { explainKind } from '@rejoinder/mail/automatic';
import { dateSeconds } from '@rejoinder/mail/date';
import { firstValue, parseHeaders, type MailHeaders } from '@rejoinder/mail/headers';
import { canonicalMessageId } from '@rejoinder/mail/message-id';
import { collapse } from '@rejoinder/mail/raw-text';
import { admit, type SizeLimits } from '@rejoinder/mail/size-rule';
import type { AttachmentPart } from '@rejoinder/mail/part';
import { decodeWords } from '../inbox/decode-words.js';
import { mailKindOf } from '../inbox/mail-kind.js';
import { addressesOf, canBe } from '../inbox/observe.js';
import type { NewPart } from './part-store.js';

const maxSubject = 2_000;

/** Of people, subject and times; never what a parser would make up. A logging address is nobody's: it is left out, as others never see that of a BCC. */
export function headerFacts(
  header: Buffer,
  receivedAt: Date,
  sizeBytes: number,
  isLoggingAddress: (address: string) => boolean = () => false,
) {
  const headers = parseHeaders(header);
  const { kind, because } = explainKind(headers, decodeWords);
  const people = (name: string) =>
    addressesOf(headers, name)
      .filter(({ address }) => !isLoggingAddress(address))
      .slice(0, 1_000)
      .map(({ name: display, address }) => ({ name: display.toWellFormed(), address: address.toWellFormed() }));
  return {
    from: people('from')[0],
    to: people('to'),
    cc: people('cc'),
    subject: collapse(decodeWords(firstValue(headers, 'subject') ?? ''))
      .slice(0, maxSubject)
      .toWellFormed(),
    sentAt: timestampFromDate(sentAt(headers, receivedAt)),
    receivedAt: timestampFromDate(receivedAt),
    sizeBytes: BigInt(sizeBytes),
    kind: mailKindOf(kind),
    kindBecause: because,
    messageId: (canonicalMessageId(firstValue(headers, 'message-id') ?? '') ?? '').toWellFormed(),
  };
}

function sentAt(headers: MailHeaders, receivedAt: Date): Date {
  const seconds = dateSeconds(firstValue(headers, 'date') ?? '');
  const date = new Date((seconds ?? NaN) * 1_000);
  // Of 1970 or 2099 by a clock that is wrong, it would stand at the end of a timeline where nobody looks.
  return canBe(date, receivedAt) ? date : receivedAt;
}

export interface Attachments {
  declared: MessageInitShape<typeof AttachmentDeclaredSchema>[];
  /** Those that may be fetched. */
  parts: NewPart[];
}

/** Each attachment with its verdict by the size rule, asked before a byte of it is fetched. */
export function attachmentFacts(
  mailId: string,
  mailSizeBytes: number,
  found: readonly AttachmentPart[],
  limits: SizeLimits,
  hash: (text: string) => Buffer,
): Attachments {
  const verdicts = admit(mailSizeBytes, found, limits);
  const all = found.map((part, at) => ({ part: newPart(mailId, part, hash), verdict: verdicts[at]! }));
  const declared = all.map(({ part, verdict }) => ({
    attachmentId: part.attachmentId,
    partId: part.partId,
    fileName: part.fileName,
    contentType: part.contentType,
    sizeBytes: BigInt(verdict.estimatedSizeBytes),
    inline: part.inline,
    contentId: part.contentId,
    state: verdict.decision === 'pending' ? AttachmentState.PENDING : AttachmentState.REJECTED,
    reason: verdict.decision === 'pending' ? '' : verdict.reason,
  }));
  return { declared, parts: all.filter(({ verdict }) => verdict.decision === 'pending').map(({ part }) => part) };
}

function newPart(mailId: string, part: AttachmentPart, hash: (text: string) => Buffer): NewPart {
  return {
    attachmentId: idFromHash(hash(`${mailId}/${part.partId}`)),
    partId: part.partId,
    encoding: part.encoding,
    contentType: part.contentType.toWellFormed().replaceAll('\u0000', ''),
    encodedSizeBytes: part.encodedSizeBytes,
    fileName: (part.fileName ?? '').toWellFormed(),
    inline: part.inline,
    contentId: (part.contentId ?? '').toWellFormed().replaceAll('\u0000', ''),
  };
}
