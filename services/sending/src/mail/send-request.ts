// Reads what a caller wants to send, or refuses by name what is wrong: nothing that could become a header or an envelope passes unread.
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import type { SendRequest } from '@rejoinder/contracts/api/sending';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { normalAddress } from '@rejoinder/mail/addresses';
import { MAX_CHAIN } from '@rejoinder/mail/chain';
import { canonicalMessageId } from '@rejoinder/mail/message-id';
import type { Person } from './content.js';

export interface Draft {
  inboxId: string;
  idempotencyKey: string | undefined;
  to: Person[];
  cc: Person[];
  bcc: Person[];
  subject: string;
  text: string;
  html: string;
  attachmentIds: string[];
  inReplyTo: string;
  references: string[];
}

export const maxRecipients = 100;
export const maxAttachments = 20;
export const maxAttachmentBytes = 25_000_000;
const maxSubject = 998;
const maxTextBytes = 1_000_000;
const maxName = 200;
const maxKey = 255;
const controls = /[\u0000-\u001f\u007f]/;

const wrong = (code: string, sentence: string) => new Fault('invalid', code, sentence);

export function readSendRequest(request: SendRequest): Draft {
  if (!isId(request.inboxId)) throw faultOf('INBOX_NOT_FOUND');
  const [to, cc, bcc] = [people(request.to), people(request.cc), people(request.bcc)];
  const count = to.length + cc.length + bcc.length;
  if (count < 1 || count > maxRecipients) throw wrong('RECIPIENTS_INVALID', `A message has 1 to ${maxRecipients} recipients.`);
  return {
    inboxId: request.inboxId,
    idempotencyKey: key(request.idempotencyKey),
    to,
    cc,
    bcc,
    subject: subject(request.subject),
    text: text('text', request.text),
    html: text('HTML', request.html),
    attachmentIds: attachments(request.attachmentIds),
    ...answers(request),
  };
}

function people(given: SendRequest['to']): Person[] {
  if (given.length > maxRecipients) throw wrong('RECIPIENTS_INVALID', `A message has 1 to ${maxRecipients} recipients.`);
  return given.map(({ address, name }) => {
    const normal = normalAddress(address);
    if (!normal || normal !== `${normal.slice(0, normal.lastIndexOf('@'))}@${hostOf(normal)}`) {
      throw wrong('ADDRESS_INVALID', 'A recipient has an address like anna@example.com.');
    }
    if (name.length > maxName || controls.test(name)) throw wrong('NAME_INVALID', `A name has at most ${maxName} characters in one line.`);
    return { address: normal, name: name.trim() };
  });
}

/** The domain, if it is one that a server may be asked for. */
function hostOf(address: string): string | undefined {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return /^([\p{L}\p{N}_]([\p{L}\p{N}\p{M}_-]*[\p{L}\p{N}\p{M}_])?\.)*[\p{L}\p{N}]([\p{L}\p{N}\p{M}-]*[\p{L}\p{N}\p{M}])?$/u.test(domain)
    ? domain
    : undefined;
}

function key(given: string): string | undefined {
  if (given.length > maxKey || controls.test(given))
    throw wrong('KEY_INVALID', `An idempotency key has at most ${maxKey} characters in one line.`);
  return given || undefined;
}

function subject(given: string): string {
  if (given.length > maxSubject || controls.test(given))
    throw wrong('SUBJECT_INVALID', `A subject has at most ${maxSubject} characters in one line.`);
  return given;
}

function text(what: string, given: string): string {
  if (Buffer.byteLength(given) > maxTextBytes)
    throw new Fault('too_large', 'TOO_LARGE', `The ${what} of a message has at most ${maxTextBytes} bytes.`);
  if (given.includes('\u0000')) throw wrong('TEXT_INVALID', `The ${what} holds a character that mail cannot carry.`);
  return given;
}

function attachments(ids: string[]): string[] {
  const distinct = [...new Set(ids)];
  if (distinct.length > maxAttachments) throw wrong('ATTACHMENTS_INVALID', `A message has at most ${maxAttachments} attachments.`);
  if (!distinct.every(isId)) throw wrong('ATTACHMENTS_INVALID', 'An attachment is named by the id that its upload gave.');
  return distinct;
}

/** The mail that is answered ends the references, as RFC 5322 §3.6.4 has it. */
function answers({ inReplyTo, references }: SendRequest): Pick<Draft, 'inReplyTo' | 'references'> {
  const parent = inReplyTo === '' ? '' : messageId(inReplyTo);
  const cited = [...new Set(references.slice(0, MAX_CHAIN * 2).map(messageId))];
  if (cited.length > MAX_CHAIN) throw wrong('REFERENCES_INVALID', `A message cites at most ${MAX_CHAIN} others.`);
  if (parent === '') return { inReplyTo: '', references: cited };
  return { inReplyTo: parent, references: [...cited.filter((id) => id !== parent), parent] };
}

function messageId(given: string): string {
  const id = controls.test(given) ? undefined : canonicalMessageId(given);
  if (!id || /[<>\s]/.test(id)) throw wrong('MESSAGE_ID_INVALID', 'A Message-ID looks like <abc@example.com>.');
  return id;
}
