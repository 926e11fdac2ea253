// One mail by its header fields, as others may know it: hashes, size and flags, and nothing that can be read.
import { createHash } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { idFromHash } from '@rejoinder/base/id';
import type { ObservedMailSchema } from '@rejoinder/contracts/events/sync';
import { parseAddresses, withoutTag, type Address } from '@rejoinder/mail/addresses';
import { classify } from '@rejoinder/mail/automatic';
import { chainOf } from '@rejoinder/mail/chain';
import { allValues, firstValue, parseHeaders, type MailHeaders } from '@rejoinder/mail/headers';
import { identityText } from '@rejoinder/mail/identity';
import { canonicalMessageId } from '@rejoinder/mail/message-id';
import { parseSendMark, SEND_HEADER, type SendMark } from '@rejoinder/mail/send-mark';
import { baseSubject, isForward } from '@rejoinder/mail/subject';
import type { FolderRole } from '../imap/folder-plan.js';
import type { SeenMail } from '../imap/imap-session.js';
import { hasLogKeyword } from '../imap/log-keyword.js';
import { decodeWords } from './decode-words.js';
import { domainsOf } from './domains.js';
import { mailKindOf } from './mail-kind.js';

/** A keyed hash of the tenant. */
export type Hash = (kind: 'mail' | 'message-id' | 'address' | 'domain' | 'subject', text: string) => Buffer<ArrayBuffer>;

export interface Surroundings {
  hash: Hash;
  /** Whether the signature of a send's mark is ours. */
  isSigned: (mark: SendMark, mac: string) => boolean;
  /** Whether an address, by its hash, is that of an inbox of this tenant. */
  isOwn: (addressHash: Buffer) => boolean;
  role: FolderRole;
  isLogFolder: boolean;
  now: Date;
}

export interface Observation {
  uid: number;
  mailId: string;
  messageIdHash: Buffer<ArrayBuffer> | undefined;
  /** Ids that may be a parent, or a person's address: only one who knows the mails can tell. */
  doubtfulHashes: Buffer<ArrayBuffer>[];
  fromHash: Buffer<ArrayBuffer> | undefined;
  receivedAt: Date;
  sizeBytes: number;
  sendId: string;
  logged: boolean;
  header: Buffer;
  mail: MessageInitShape<typeof ObservedMailSchema> & {
    chainHashes: Uint8Array[];
    recipientHashes: Uint8Array[];
    domainHashes: Uint8Array[];
  };
}

const maxRecipients = 1_000;
/** Dates may be wrong, but neither from the days to come nor from those before there was mail of this kind. */
const maxAheadMs = 86_400_000;
const earliestMail = Date.UTC(1990, 0, 1);

/**
 * A header that cannot be read, which would be a flaw of ours, must not stand in the way of all mail behind it: such a mail is observed as one that says
 * nothing of itself, told apart by its bytes. `onUnreadable` hears of it.
 */
export function observeAny(seen: SeenMail, around: Surroundings, onUnreadable: (error: unknown) => void): Observation {
  try {
    return observe(seen, around);
  } catch (error) {
    onUnreadable(error);
    const nameless = Buffer.from(`Subject: ${createHash('sha256').update(seen.header).digest('hex')}\r\n\r\n`);
    return { ...observe({ ...seen, header: nameless }, around), header: seen.header };
  }
}

export function observe(seen: SeenMail, around: Surroundings): Observation {
  const headers = parseHeaders(seen.header);
  const senders = addressesOf(headers, 'from');
  const [from] = senders;
  const recipients = [...addressesOf(headers, 'to'), ...addressesOf(headers, 'cc')];
  const keyOf = ({ key }: Address) => ownKey(key, around) ?? key;
  const fromHash = from && around.hash('address', keyOf(from));
  const id = canonicalMessageId(firstValue(headers, 'message-id') ?? '');
  const messageIdHash = id === undefined ? undefined : around.hash('message-id', id);
  const chain = chainOfHeaders(headers, from, recipients);
  const subject = decodeWords(firstValue(headers, 'subject') ?? '');
  const mark = ownMark(headers, fromHash, around);
  const mailId = mark?.mailId ?? mailIdOf(headers, around.hash);
  const receivedAt = receivedAtOf(seen, around.now);
  const logged = around.isLogFolder || hasLogKeyword(seen.flags);
  const everybody = [...senders, ...recipients].map(({ key }) => key);
  const hashAll = (kind: 'message-id' | 'address' | 'domain', texts: readonly string[]) => texts.map((text) => around.hash(kind, text));
  return {
    uid: seen.uid,
    mailId,
    messageIdHash,
    doubtfulHashes: hashAll('message-id', chain.doubtful),
    fromHash,
    receivedAt,
    sizeBytes: seen.sizeBytes,
    sendId: mark?.sendId ?? '',
    logged,
    header: seen.header,
    mail: {
      mailId,
      messageIdHash,
      chainHashes: hashAll('message-id', chain.ids),
      fromHash,
      recipientHashes: hashAll('address', [...new Set(recipients.map(keyOf))].slice(0, maxRecipients)),
      baseSubjectHash: around.hash('subject', baseSubject(subject)),
      forward: isForward(subject),
      kind: mailKindOf(classify(headers, decodeWords)),
      sizeBytes: BigInt(seen.sizeBytes),
      receivedAt: timestampFromDate(receivedAt),
      folderRole: around.role,
      sendId: mark?.sendId ?? '',
      logged,
      domainHashes: [...hashAll('domain', domainsOf(everybody)), ...hashAll('address', mailboxesOf(everybody))],
    },
  };
}

/** An own address with a tag is the own address: nobody outside is on the mail for it. */
function ownKey(key: string, { hash, isOwn }: Surroundings): string | undefined {
  const mailbox = withoutTag(key);
  return mailbox !== undefined && isOwn(hash('address', mailbox)) ? mailbox : undefined;
}

/** Of addresses with a tag those without it, each once. */
function mailboxesOf(keys: readonly string[]): string[] {
  const mailboxes = new Set(keys.flatMap((key) => withoutTag(key) ?? []));
  return [...mailboxes].slice(0, maxRecipients);
}

/** What the mail is wherever a copy of it lies. */
export function mailIdOf(headers: MailHeaders, hash: Hash): string {
  const value = (name: string) => firstValue(headers, name);
  const text = identityText({
    messageId: value('message-id'),
    from: value('from'),
    date: value('date'),
    subject: value('subject'),
    to: value('to'),
  });
  return idFromHash(hash('mail', text));
}

/** The mark of our own send: its signature is ours, and it comes from an address of ours. Anyone may copy the mark of a mail they got. */
export function ownMark(
  headers: MailHeaders,
  fromHash: Buffer | undefined,
  { isSigned, isOwn }: Pick<Surroundings, 'isSigned' | 'isOwn'>,
): SendMark | undefined {
  return fromHash !== undefined && isOwn(fromHash) ? signedMark(headers, isSigned) : undefined;
}

/** The header counts before the Message-ID, since that one may be a provider's own or, in a mail written on top of another, that of another send. */
export function signedMark(headers: MailHeaders, isSigned: Surroundings['isSigned']): SendMark | undefined {
  const [localPart = ''] = (canonicalMessageId(firstValue(headers, 'message-id') ?? '') ?? '').split('@');
  for (const place of [firstValue(headers, SEND_HEADER) ?? '', localPart]) {
    const mark = parseSendMark(place);
    if (mark && isSigned(mark, mark.mac)) return { sendId: mark.sendId, mailId: mark.mailId };
  }
  return undefined;
}

export function addressesOf(headers: MailHeaders, name: string): Address[] {
  return allValues(headers, name).flatMap((value) => parseAddresses(value, decodeWords));
}

function chainOfHeaders(headers: MailHeaders, from: Address | undefined, recipients: readonly Address[]) {
  const addresses = [...(from ? [from] : []), ...recipients].map(({ address }) => address);
  const joined = (name: string) => allValues(headers, name).join(' ');
  return chainOf({
    messageId: firstValue(headers, 'message-id'),
    references: joined('references'),
    inReplyTo: joined('in-reply-to'),
    addresses,
  });
}

/** INTERNALDATE where it can be, else now. */
export function receivedAtOf({ receivedAt }: Pick<SeenMail, 'receivedAt'>, now: Date): Date {
  return receivedAt && canBe(receivedAt, now) ? receivedAt : now;
}

/** Whether a mail that is here by then can be of this date. */
export const canBe = (date: Date, by: Date): boolean => date.getTime() >= earliestMail && date.getTime() < by.getTime() + maxAheadMs;
