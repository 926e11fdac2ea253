// Whose timeline a mail that was logged by hand belongs to: those it names, or the one who wrote what it forwards.
import type { MailHeaders } from '@rejoinder/mail/headers';
import { firstValue } from '@rejoinder/mail/headers';
import { isForward } from '@rejoinder/mail/subject';
import { decodeWords } from '../inbox/decode-words.js';
import { addressesOf } from '../inbox/observe.js';
import type { HeldReason } from './verdict.js';

export interface Knows {
  /** Whether an address, in lower case, is one of the tenant's own, with a tag or without. */
  isOwn: (key: string) => boolean;
  isLoggingAddress: (key: string) => boolean;
  /** Mail that names nobody but the tenant's own is logged as well. */
  logsInternal: boolean;
}

/** A BCC names whom it may be logged with; a mail that went to the logging address alone forwards another. */
export function isBcc(headers: MailHeaders, knows: Knows): boolean {
  return peopleIn(headers, knows) > 0;
}

/** Why a mail that is no BCC and in which nothing forwarded was found cannot be logged. */
export function whyNobody(headers: MailHeaders, { isLoggingAddress }: Knows): HeldReason {
  const recipients = recipientsOf(headers);
  const isToUs = recipients.length === 0 || recipients.some(({ key }) => isLoggingAddress(key));
  return isToUs || isForward(decodeWords(firstValue(headers, 'subject') ?? '')) ? 'no_sender_found' : 'no_contact';
}

/** Whether a mail that was forwarded is somebody's: of a contact who wrote it, or of those to whom a member did. Mail among members is so where it is logged. */
export function heldAsForwarded(headers: MailHeaders, knows: Knows): HeldReason | undefined {
  const [author] = addressesOf(headers, 'from');
  if (!author) return 'no_sender_found';
  if (knows.isLoggingAddress(author.key)) return 'no_sender_found';
  return !knows.isOwn(author.key) || peopleIn(headers, knows) > 0 ? undefined : 'no_contact';
}

function peopleIn(headers: MailHeaders, { isOwn, isLoggingAddress, logsInternal }: Knows): number {
  return recipientsOf(headers).filter(({ key }) => !isLoggingAddress(key) && (logsInternal || !isOwn(key))).length;
}

const recipientsOf = (headers: MailHeaders) => [...addressesOf(headers, 'to'), ...addressesOf(headers, 'cc')];
