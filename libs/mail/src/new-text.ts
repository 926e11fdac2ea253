// The new part of a mail's text: what its author wrote, without what it quotes and without the signature. The whole text is kept beside it.
import { attributionEndingAt, isAnnouncement } from './attribution.js';
import { innerHeadersIn, isMark, isQuoted } from './quote-lines.js';
import { isDeviceLine, isSignatureMark } from './signature.js';

/** What is looked at of a text, from its start: nobody writes more by hand. */
export const MAX_NEW_TEXT = 500_000;
const MAX_LINES = 5_000;
/** Lines of the footer that a list puts below what was quoted last. */
const MAX_FOOTER_LINES = 10;

/** `mark`: it says that another mail starts. `signature`: nobody wrote it for this mail. */
type Kind = 'blank' | 'text' | 'quoted' | 'mark' | 'signature';

const isBlank = (line: string): boolean => line.trim() === '';
const RULE = /^[\s>]{0,20}(?:_{2,200}|-{2,200}|={3,200}|\*{3,200}|#{3,200}|~{3,200}|\+{3,200}|[—–]{2,200})\s{0,20}$/;
/** `---- Oprindelig besked ----`. */
const DASHED = /^ {0,9}-{3,99} ?[^-].{0,60}-{3,99}\s{0,9}$/;
/** By which Gmail's add-ons of old followed who reads a mail. */
const TRACKER = '\u1427';
/** FidoNet's way to quote, by the initials of who wrote it: `JD> ..`. */
const INITIALS = /^ ?[A-Z]{1,3}>(?: |$)/;

/**
 * Takes the decoded text of a mail.
 * Gives its new part. Where it is answered in place, with text between or below the quoted lines, they stay, and only the lines that
 * announce them go. What is forwarded or quoted without a word above it is the text itself. Empty where nothing is new. One pass over each line, up to
 * 5,000 lines and MAX_NEW_TEXT characters.
 */
export function newTextOf(text: string): string {
  const lines = text.slice(0, MAX_NEW_TEXT).split(/\r\n|\r|\n/, MAX_LINES);
  const kinds = kindsOf(lines);
  const isOwn = (at: number) => kinds[at] === 'text' && !isDeviceLine(lines[at]!) && !isRule(lines[at]!);
  const kept = keptOf(kinds);
  const first = kept.findIndex((at) => kinds[at] !== 'blank');
  const last = kept.findLastIndex(isOwn);
  if (first < 0) return '';
  if (last >= 0) return told(lines, kept.slice(first, last + 1));
  const isHistory = kinds.includes('mark') || lines.some((_, at) => kinds[at] === 'quoted' && isQuotedMark(lines, at));
  return isHistory
    ? ''
    : told(
        lines,
        kept.filter((at) => kinds[at] === 'quoted'),
      );
}

const told = (lines: readonly string[], kept: readonly number[]): string => kept.map((at) => lines[at]!.trimEnd()).join('\n');

/** The lines that stay, but for quoted ones at their end: behind them there may yet be text that answers them. */
function keptOf(kinds: readonly Kind[]): number[] {
  const kept: number[] = [];
  let hasText = false;
  for (let at = startOf(kinds); at < kinds.length; at++) {
    const kind = kinds[at]!;
    if (kind === 'mark') {
      const behind = behindMarks(kinds, at);
      if (hasText && kinds[behind] !== 'quoted') break;
      at = behind - 1;
    } else if (kind !== 'signature') {
      kept.push(at);
      hasText ||= kind === 'text';
    }
  }
  return kept;
}

/** A mail that begins with all that it answers, in one piece, begins behind it. */
function startOf(kinds: readonly Kind[]): number {
  const first = behindBlanks(kinds, 0);
  if (kinds[first] !== 'mark') return 0;
  const quote = behindMarks(kinds, first);
  let end = quote;
  while (kinds[end] === 'quoted' || kinds[end] === 'blank') end++;
  return kinds.indexOf('quoted', end) < 0 && kinds[end] === 'text' ? end : quote;
}

function behindBlanks(kinds: readonly Kind[], at: number): number {
  while (kinds[at] === 'blank') at++;
  return at;
}

function behindMarks(kinds: readonly Kind[], at: number): number {
  while (kinds[at] === 'mark' || kinds[at] === 'blank') at++;
  return at;
}

/** Whether what is quoted quotes again, or forwards: then it is history, and no passage that somebody picked. */
function isQuotedMark(lines: readonly string[], at: number): boolean {
  const inner = [at - 1, at].map((each) => (lines[each] ?? '').replace(/^[>\s]{1,60}/, ''));
  return isMark(inner[1]!) || attributionEndingAt(inner, 1) !== undefined;
}

function kindsOf(lines: readonly string[]): Kind[] {
  const kinds = lines.map((line): Kind => (isBlank(line) ? 'blank' : isQuoted(line) || INITIALS.test(line) ? 'quoted' : 'text'));
  const isInnerHeader = innerHeadersIn(lines);
  for (let at = 0; at < lines.length; at++) {
    if (kinds[at] === 'blank' || kinds[at] === 'mark') continue;
    if (kinds[at] === 'text' && isMark(lines[at]!)) kinds[at] = 'mark';
    else if (kinds[at] === 'text' && isInnerHeader(at)) markBlock(lines, kinds, at);
    else markAttribution(lines, kinds, at);
  }
  markSignatures(lines, kinds);
  return kinds;
}

/** To its blank line; whatever stands between dashes above it says in some language that another mail starts. */
function markBlock(lines: readonly string[], kinds: Kind[], start: number): void {
  for (let at = start; at < kinds.length && kinds[at] !== 'blank'; at++) kinds[at] = 'mark';
  if (DASHED.test(lines[start - 1] ?? '')) kinds[start - 1] = 'mark';
}

function markAttribution(lines: readonly string[], kinds: Kind[], end: number): void {
  const isBeforeQuote = kinds[behindBlanks(kinds, end + 1)] === 'quoted';
  const found = attributionEndingAt(lines, end);
  // What ends in `> wrote:` may be no quoted line, but the end of an address.
  if (found && kinds[found.start] === 'text' && (found.isCertain || isBeforeQuote)) kinds.fill('mark', found.start, end + 1);
  else if (kinds[end] === 'text' && isBeforeQuote && isAnnouncement(lines[end]!)) kinds[end] = 'mark';
}

/** A signature reaches to what is quoted below it, or to the end. */
function markSignatures(lines: readonly string[], kinds: Kind[]): void {
  let end = lines.length;
  let done = end;
  for (let at = lines.length - 1; at >= 0; at--) {
    if (kinds[at] === 'quoted' || kinds[at] === 'mark') end = done = at;
    else if (kinds[at] === 'text' && (isSignatureMark(lines[at]!, end - at - 1) || isFooterRule(lines, kinds, at))) {
      kinds.fill('signature', at, done);
      done = at;
    }
  }
}

function isFooterRule(lines: readonly string[], kinds: readonly Kind[], at: number): boolean {
  if (lines.length - at > MAX_FOOTER_LINES || lines[at]!.length < 5 || !isRule(lines[at]!)) return false;
  return kinds.findLast((kind, before) => before < at && kind !== 'blank') === 'quoted';
}

const isRule = (line: string): boolean => RULE.test(line) || line.trim() === TRACKER;
