// Who or what wrote a mail, told from its headers alone: a person, a mail server, a machine that answers, a list.
import { parseAddresses } from './addresses.js';
import { parseContentType } from './content-type.js';
import { type MailHeaders, allValues, firstValue } from './headers.js';
import { type DecodeWords, collapse, decodeSafely } from './raw-text.js';

export type MailKind =
  /** A mail server says what became of a mail (RFC 3464, or the older ways). */
  | 'delivery_report'
  /** A complaint about a mail (RFC 5965). */
  | 'feedback_report'
  /** A read receipt (RFC 8098). */
  | 'read_receipt'
  /** Out of office and the like: no answer of a person. */
  | 'auto_reply'
  /** Made by a machine and no answer: a calendar's notice, a ticket, a cron job (RFC 3834 `auto-generated`). */
  | 'auto_generated'
  /** Came over a list or in bulk; a person may have written it. */
  | 'list'
  | 'person';

/** Of few mails the type has to be read. */
const REPORT_TYPE = /multipart\/report/i;
const REPORT_KINDS: Readonly<Record<string, MailKind>> = {
  'feedback-report': 'feedback_report',
  'disposition-notification': 'read_receipt',
  'delivery-status': 'delivery_report',
};
const BOUNCE_SENDER = /(?:^|<)\s{0,9}(?:mailer-?daemon|mail-daemon|mail\.daemon|mdaemon)\s{0,9}(?:@|<|>|\(|$)/i;
const POSTMASTER = /^(?:postmaster|mail|root|no-?reply)@/i;
const BOUNCE_SUBJECT =
  /undeliver|non remis|unzustellbar|returned mail|returned to sender|return to sender|delivery (?:status notification|failure|has failed|report|status|problem|error)|mail delivery|failure notice|failed mail|mail (?:system error|failure|could not be delivered)|message (?:could not be delivered|delivery|status)|nondeliverable|cannot (?:be )?deliver|could not (?:be )?deliver|rejected mail|delivery notification|delayed mail|mail delayed|warning: (?:message|could not send)|mensaje no entregado|não entregue|mancato recapito|onbestelbaar|退信/i;
const AUTO_REPLY_SUBJECT =
  /^\s*(?:auto(?:matic)?[- ]?(?:reply|response|antwort)?|automatische (?:antwort|reply)|out of (?:the )?office|ooo|abwesenheitsnotiz|abwesend|abwesenheit|réponse automatique|absence du bureau|respuesta automática|fuera de la oficina|risposta automatica|fuori ufficio|resposta automática|ausência temporária|automatisch antwoord|afwezigheidsbericht|autosvar|automatiskt svar|automatisk svar|automaattinen vastaus|automatická odpověď|automatyczna odpowiedź|odpowiedź automatyczna|автоответ|автоматический ответ|自动答复|自动回复|自動回覆|自動応答|vacation(?: reply)?|away from my mail)\s*(?:[:：]|$)/i;

export interface Classified {
  kind: MailKind;
  /** The header field that says so, in lower case; empty of a person's mail, which nothing marks. */
  because: string;
}

/**
 * Takes a mail's headers, and how to decode RFC 2047 words of its subject.
 * Gives what it is, and by which field. A report is looked for first, since many mail servers mark theirs `Auto-Submitted: auto-replied` as well. Only strong
 * marks make a delivery report: the gate reads parts of it though it is not tracked. X-Auto-Response-Suppress says nothing of the mail itself.
 */
export function explainKind(headers: MailHeaders, decode?: DecodeWords): Classified {
  const subject = collapse(decodeSafely(firstValue(headers, 'subject') ?? '', decode));
  const report = reportKind(headers, subject);
  if (report) return report;
  const answers = autoReplyMark(headers, subject);
  if (answers !== undefined) return { kind: 'auto_reply', because: answers };
  const submitted = word(headers, 'auto-submitted');
  if (submitted !== '' && submitted !== 'no') return { kind: 'auto_generated', because: 'auto-submitted' };
  const list = listMark(headers);
  return list === undefined ? { kind: 'person', because: '' } : { kind: 'list', because: list };
}

/** The same without its reason. */
export function classify(headers: MailHeaders, decode?: DecodeWords): MailKind {
  return explainKind(headers, decode).kind;
}

/** Gives true for what no person wrote. */
export function isAutomatic(kind: MailKind): boolean {
  return kind !== 'person' && kind !== 'list';
}

function reportKind(headers: MailHeaders, subject: string): Classified | undefined {
  const contentType = firstValue(headers, 'content-type') ?? '';
  if (REPORT_TYPE.test(contentType)) {
    const { type, parameters } = parseContentType(contentType);
    const kind = type === 'multipart/report' ? REPORT_KINDS[parameters.get('report-type')?.toLowerCase() ?? 'delivery-status'] : undefined;
    if (kind) return { kind, because: 'content-type' };
  }
  const mark = allValues(headers, 'x-failed-recipients').length > 0 ? 'x-failed-recipients' : undeliveredMark(headers, subject);
  return mark === undefined ? undefined : { kind: 'delivery_report', because: mark };
}

/** Mail servers older than RFC 3464: their own sender name, or two of null return path, postmaster and a telling subject. */
function undeliveredMark(headers: MailHeaders, subject: string): string | undefined {
  if (firstValue(headers, 'list-id') !== undefined) return undefined; // A list passes on what people write about bounces.
  const raw = collapse(firstValue(headers, 'from') ?? '').slice(0, 1_000);
  const from = parseAddresses(raw)[0]?.key ?? raw; // Some write `MAILER-DAEMON <>` or no host at all.
  if (BOUNCE_SENDER.test(from)) return 'from';
  const isNullPath = allValues(headers, 'return-path').some((path) => /^<\s*>$/.test(path.trim()));
  const isTelling = BOUNCE_SUBJECT.test(subject.slice(0, 500));
  return isTelling && (isNullPath || POSTMASTER.test(from)) ? 'subject' : undefined;
}

function autoReplyMark(headers: MailHeaders, subject: string): string | undefined {
  if (word(headers, 'auto-submitted') === 'auto-replied') return 'auto-submitted';
  if (word(headers, 'precedence') === 'auto_reply') return 'precedence';
  const own = ['x-autoreply', 'x-autorespond'].find((name) => allValues(headers, name).length > 0);
  return own ?? (AUTO_REPLY_SUBJECT.test(subject.slice(0, 500)) ? 'subject' : undefined);
}

function listMark(headers: MailHeaders): string | undefined {
  if (firstValue(headers, 'list-id') !== undefined) return 'list-id';
  return ['bulk', 'junk', 'list'].includes(word(headers, 'precedence')) ? 'precedence' : undefined;
}

/** The first word of a header, in lower case: what stands behind `;` or in a comment are parameters. */
function word(headers: MailHeaders, name: string): string {
  return /^[a-z_-]{1,40}/.exec(collapse(firstValue(headers, name) ?? '').toLowerCase())?.[0] ?? '';
}
