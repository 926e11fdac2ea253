// What became of a mail, as a delivery report tells it: by its fields (RFC 3464), else by the codes of SMTP in its text; and which mail it is about.
import { parseAddresses } from './addresses.js';
import { type MailHeaders, allValues, firstValue, parseHeaders } from './headers.js';
import { canonicalMessageId, messageIds } from './message-id.js';
import { MAX_REPORT_BYTES } from './report-parts.js';

/** Recipients that are told of one report. */
const MAX_RECIPIENTS = 100;
/** Characters of a line in which a recipient is looked for. */
const MAX_LINE = 2_000;

/** The parts of a report that may be read (`reportPlanOf`), decoded; empty where it has none. */
export interface ReportTexts {
  /** Of the report itself. */
  headers: MailHeaders;
  firstText: string;
  status: string;
  /** The header of the mail that came back. */
  returnedHeader: string;
}

/** The first digit of a status (RFC 3463 §3.1): it was delivered, it may yet be, it will not be. */
export type DeliveryClass = 'success' | 'transient' | 'permanent';

/** What comes of it: the address takes no mail; it takes mail at another time, but not this one; the server still tries. */
export type DeliveryOutcome = 'hard_bounce' | 'soft_bounce' | 'delayed' | 'delivered' | 'unclear';

export interface Delivery {
  /** In lower case; undefined where only people could tell it from the text. */
  address: string | undefined;
  /** To which the mail was sent, where it went on from there. */
  originalAddress: string | undefined;
  outcome: DeliveryOutcome;
  /** Undefined where nothing tells it: it is not guessed. */
  class: DeliveryClass | undefined;
  /** As in `5.1.1` (RFC 3463). */
  status: string | undefined;
  /** What told the class. */
  evidence: 'status' | 'diagnostic' | 'action' | 'text_code' | 'text_words' | undefined;
}

export interface DeliveryReport {
  /** One at least. */
  deliveries: Delivery[];
  /** Of the mail it is about, canonical. */
  messageId: string | undefined;
  /** Where that was found. */
  messageIdIn: 'returned_header' | 'text' | 'references' | undefined;
}

/** Takes the texts of a mail that `classify` calls a delivery report. Gives what it says. Never throws; linear in the size, MAX_REPORT_BYTES of each text. */
export function readReport(texts: ReportTexts): DeliveryReport {
  const text = texts.firstText.slice(0, MAX_REPORT_BYTES);
  const said = saidIn(aboveReturned(text), texts.headers);
  const fields = recipientBlocks(texts.status.slice(0, MAX_REPORT_BYTES)).map((block) => deliveryOf(block, said));
  return { deliveries: fields.length > 0 ? fields : withoutFields(texts.headers, said), ...originalOf(texts, text) };
}

type Told = Pick<Delivery, 'class' | 'status' | 'evidence'>;

/** What the text says of all, and of those whom a line with a code names. */
interface Said {
  ofAll: Told;
  ofOne: ReadonlyMap<string, Told>;
}

/** A report goes to whoever sent the mail: that address is no recipient of it. */
function saidIn(text: string, headers: MailHeaders): Said {
  const senders = new Set(parseAddresses(firstValue(headers, 'to') ?? '').map(({ key }) => key));
  const ofOne = new Map<string, Told>();
  for (const line of text.split(/\r?\n/)) {
    const told = toldBy(line.slice(0, MAX_LINE));
    if (told.evidence !== 'text_code') continue;
    for (const [address] of line.slice(0, MAX_LINE).matchAll(ADDRESS)) {
      const key = address.toLowerCase();
      if (!senders.has(key) && !ofOne.has(key) && ofOne.size < MAX_RECIPIENTS) ofOne.set(key, told);
    }
  }
  return { ofAll: toldBy(text), ofOne };
}

/** The groups of fields that are about a recipient (RFC 3464 §2.3). The first group is about the report, but some leave out the blank line behind it. */
function recipientBlocks(status: string): MailHeaders[] {
  return status
    .split(/(?:\r?\n[ \t]*){2,}/, MAX_RECIPIENTS + 1)
    .map((block) => parseHeaders(block))
    .filter((block) => ['final-recipient', 'original-recipient', 'action', 'status'].some((name) => block.fields.has(name)))
    .slice(0, MAX_RECIPIENTS);
}

function deliveryOf(block: MailHeaders, said: Said): Delivery {
  const value = (name: string) => firstValue(block, name) ?? '';
  const originalAddress = addressIn(value('original-recipient'));
  const address = addressIn(value('final-recipient')) ?? originalAddress;
  const action = value('action').toLowerCase().trim();
  const told = toldOf(value, action, said, address);
  return { address, originalAddress, ...told, outcome: outcomeOf(told, action) };
}

function toldOf(value: (name: string) => string, action: string, said: Said, address: string | undefined): Told {
  const status = ENHANCED.exec(value('status'))?.[1];
  const diagnostic = toldBy(value('diagnostic-code'));
  const ofText = said.ofOne.get(address ?? '');
  const better =
    diagnostic.status === undefined && ofText?.status !== undefined ? ofText : { ...diagnostic, evidence: 'diagnostic' as const };
  // `5.0.0` says no more than its class; what is quoted of another server often says more.
  const isVague = status !== undefined && /^\d\.0\.0$/.test(status);
  if (status !== undefined && !(isVague && better.status?.startsWith(status[0]!)))
    return { class: CLASSES[status[0]!], status, evidence: 'status' };
  if (better.class !== undefined) return better;
  const byAction = ACTIONS[action];
  if (byAction !== undefined) return { class: byAction, status: undefined, evidence: 'action' };
  return said.ofAll;
}

/** A server that has given up says `failed`, also of a transient status (RFC 3464 §2.3.3). A full mailbox is transient whatever digit it is told with (RFC 3463 §3.3). */
function outcomeOf({ class: told, status, evidence }: Told, action: string): DeliveryOutcome {
  if (action === 'delayed') return 'delayed';
  if (told === 'permanent') return status?.endsWith('.2.2') ? 'soft_bounce' : 'hard_bounce';
  if (told === 'transient') return evidence === 'text_words' && action !== 'failed' ? 'delayed' : 'soft_bounce';
  return told === 'success' && action !== 'failed' ? 'delivered' : 'unclear';
}

/** `rfc822; ada@host`: only an address of that type can be ours. */
function addressIn(value: string): string | undefined {
  const [type, address] = value.includes(';') ? value.split(';', 2) : ['rfc822', value];
  return /^\s*(?:rfc822|utf-8)\s*$/i.test(type!) ? parseAddresses(address!.trim())[0]?.key : undefined;
}

/** Exim and Google name them in a header; of others those count whom a line with a code names, else nobody is named. */
function withoutFields(headers: MailHeaders, { ofAll, ofOne }: Said): Delivery[] {
  const failed = allValues(headers, 'x-failed-recipients').flatMap((value) => parseAddresses(value).map(({ key }) => key));
  const action = failed.length > 0 ? 'failed' : '';
  const named = (failed.length > 0 ? failed : [...ofOne.keys()]).slice(0, MAX_RECIPIENTS);
  const addresses = named.length > 0 ? named : [undefined];
  return addresses.map((address) => {
    const told = ofOne.get(address ?? '') ?? ofAll;
    return { address, originalAddress: undefined, ...told, outcome: outcomeOf(told, action) };
  });
}

const CLASSES: Readonly<Record<string, DeliveryClass>> = { 2: 'success', 4: 'transient', 5: 'permanent' };
const ACTIONS: Readonly<Record<string, DeliveryClass>> = {
  failed: 'permanent',
  delayed: 'transient',
  delivered: 'success',
  relayed: 'success',
  expanded: 'success',
};

/** RFC 3463; no part of an IP address or of a version. */
const ENHANCED = /(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)/;
const ADDRESS = /[^\s<>"'(),:;]{1,64}@[^\s<>"'(),:;@]{1,255}/g;
/** A reply of SMTP (RFC 5321 §4.2.3), and where it follows at once the enhanced code (RFC 2034 §4). */
const REPLY =
  /(?<![\d.#/-])(2[0-5]\d|4[2357]\d|5[0-57]\d)[ -](?:#?([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)|(?=["'<([]?[A-Za-z#<(\u0080-\uffff]))/;
const FAILED =
  /permanent(?:ly)? (?:fatal )?(?:error|fail)|failed permanently|fail(?:ed|ure)? (?:to deliver|notice)|giv(?:en|ing) up|no such (?:user|mailbox)|unknown (?:user|host|recipient)|(?:user|mailbox|account|host|domain|recipient)[^.\n]{0,40}(?:unknown|not found|not recognized|does not exist|doesn't|disabled|full|exceed)|invalid[^.\n]{0,30}(?:user|recipient|address|mailbox)|undeliverable|(?:not|unable to|error) deliver|n[o']t be delivered|not delivered|did not reach|could not find|aborted|rejected|expired|over quota/i;
const DELAYED =
  /(?:delivery|message|mail) (?:is |has been |temporarily )*delayed|will (?:be retried|keep trying|continue to (?:try|be attempted))|still (?:being retried|trying)|not yet been delivered|temporary failure|no action is required/i;

/** What codes or words of a text tell. */
function toldBy(text: string): Told {
  const reply = REPLY.exec(text);
  const status = reply?.[2] ?? ENHANCED.exec(text)?.[1];
  const digit = status?.[0] ?? reply?.[1]?.[0];
  if (digit !== undefined) return { class: CLASSES[digit], status, evidence: 'text_code' };
  if (DELAYED.test(text)) return { class: 'transient', status: undefined, evidence: 'text_words' };
  if (FAILED.test(text)) return { class: 'permanent', status: undefined, evidence: 'text_words' };
  return { class: undefined, status: undefined, evidence: undefined };
}

/** What a mail server writes stands above the mail that it gives back. */
function aboveReturned(text: string): string {
  const at = /^(?:return-path|received|message-id|x-[a-z-]{1,40}|dkim-signature|mime-version):/im.exec(text)?.index;
  return at === undefined ? text : text.slice(0, at);
}

function originalOf(texts: ReportTexts, text: string): Pick<DeliveryReport, 'messageId' | 'messageIdIn'> {
  const ofHeader = returnedMessageId(parseHeaders(texts.returnedHeader.slice(0, MAX_REPORT_BYTES)));
  if (ofHeader !== undefined) return { messageId: ofHeader, messageIdIn: 'returned_header' };
  const ofText = messageIdInText(text);
  if (ofText !== undefined) return { messageId: ofText, messageIdIn: 'text' };
  const cited =
    messageIds(firstValue(texts.headers, 'in-reply-to') ?? '')[0] ?? messageIds(firstValue(texts.headers, 'references') ?? '').at(-1);
  return { messageId: cited, messageIdIn: cited === undefined ? undefined : 'references' };
}

/** Of the mail that came back, by its header. */
export function returnedMessageId(returned: MailHeaders): string | undefined {
  return canonicalMessageId(firstValue(returned, 'message-id') ?? '');
}

/** Of the mail that came back, where a report quotes its header in the text. */
export function messageIdInText(text: string): string | undefined {
  const quoted = /^[> \t]{0,9}message-id:\s{0,9}(<[^<>\s]{1,998}>)/im.exec(text)?.[1];
  return quoted === undefined ? undefined : canonicalMessageId(quoted);
}
