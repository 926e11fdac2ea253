// Whether a mail carries quoted or forwarded text, told from the mail alone (threading §1.4), so that one boolean can outlive its text.
import { attributionEndingAt } from './attribution.js';
import { htmlLines } from './html-lines.js';
import { innerHeadersIn, isMark, isQuoted } from './quote-lines.js';

/** Characters read of each of text and HTML: the first and the last half of it, since quotes stand at an end. */
export const MAX_QUOTE_SCAN = 1_000_000;

export interface MailText {
  /** Decoded text/plain; undefined where the mail has none. */
  text?: string | undefined;
  /** Decoded text/html; undefined where the mail has none. */
  html?: string | undefined;
  /** The mail has a message/rfc822 part: a forward as attachment. */
  hasMessagePart?: boolean | undefined;
}

/** What mail programs mark their quotes with; each stands inside a tag, in any case. */
const HTML_MARKS = [
  '<blockquote',
  'gmail_quote',
  'type="cite"',
  'type=cite',
  'divrplyfwdmsg',
  'yahoo_quoted',
  'protonmail_quote',
  'moz-cite-prefix',
  'moz-forward-container',
  'appendonsend',
  'zmail_extra',
  'tutanota_quote',
];

/**
 * Takes the decoded text of one mail.
 * Gives true if it repeats another mail: `>` lines, an attribution line, an "Original Message" mark, an inner From/Sent/To block, a
 * quoting tag of HTML, or a whole message as a part. Linear in the size, which is capped by MAX_QUOTE_SCAN.
 */
export function carriesQuote(mail: MailText): boolean {
  if (mail.hasMessagePart) return true;
  if (mail.text !== undefined && linesQuote(bothEnds(mail.text).split(/\r\n|\r|\n/))) return true;
  if (mail.html === undefined) return false;
  const html = bothEnds(mail.html).toLowerCase();
  return HTML_MARKS.some((mark) => html.includes(mark)) || linesQuote(htmlLines(html));
}

function linesQuote(lines: readonly string[]): boolean {
  const isInnerHeader = innerHeadersIn(lines);
  return lines.some((line, at) => isQuoted(line) || isMark(line) || attributionEndingAt(lines, at) !== undefined || isInnerHeader(at));
}

function bothEnds(text: string): string {
  if (text.length <= MAX_QUOTE_SCAN) return text;
  // Joined without a line break: the middle of a line must not look like the start of one.
  return text.slice(0, MAX_QUOTE_SCAN / 2) + text.slice(-MAX_QUOTE_SCAN / 2);
}
