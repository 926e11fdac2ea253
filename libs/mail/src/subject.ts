// What is left of a subject once the marks of answering and forwarding are taken off (RFC 5256 §2.1, in the languages people write).
import { collapse } from './raw-text.js';

/** Characters of a subject that are looked at. */
export const MAX_SUBJECT_LENGTH = 2_000;

const REPLY = words(
  're aw sv vs antw ant odp ynt rif res atb bls rép réf r ang antwort betr vá σχετ απ отв на ответ 回复 回覆 答复 答覆 返信 회신 رد השב',
);
const FORWARD = words(
  'fw fwd wg tr rv enc vb vl vd vm doorst pd i ilt i̇lt továbbítva προωθ πρθ пер переслано 转发 轉寄 转寄 轉發 転送 إعادة הועבר',
);

/** A word of one to ten letters, maybe counted (`Re[2]`, `Re(2)`, `Re^2`, `Re*2`), and a colon, full-width ones too. */
const PREFIX = /([\p{L}\p{M}]{1,10})(?: ?(?:\[\d{1,4}\]|\(\d{1,4}\)|[*^]\d{1,4}))? ?[:：] ?/uy;
const TAG = /\[[^[\]]{0,100}\] ?/y;
const WAS = / ?[([]was ?[:：]? .{0,1000}[)\]]$/i;
const FWD_TRAILER = / ?(?:\(fwd\) ?)+$/i;
/** `[Fwd: it]`, as old programs forward. */
const FWD_WRAPPER = /^\[ ?fwd? ?: ?(.*\S) ?\]$/is;
/** Forwards within forwards that are opened. */
const MAX_WRAPPED = 10;

/**
 * Takes a decoded subject.
 * Gives its base: white space collapsed; answering and forwarding prefixes, `[tags]` before the text, `(fwd)`, `(was ..)` and the brackets of
 * `[Fwd: ..]` taken off; in lower case, since it is for comparing. A subject of nothing but a tag keeps it; one of nothing but prefixes answers a mail
 * without a subject, and has none. Bounded by MAX_SUBJECT_LENGTH and MAX_WRAPPED.
 */
export function baseSubject(subject: string): string {
  let rest = collapse(subject.slice(0, MAX_SUBJECT_LENGTH)).normalize('NFC');
  for (let wrapped = 0; wrapped < MAX_WRAPPED; wrapped++) {
    const body = rest.slice(marksOf(rest).end);
    const base = body.replace(WAS, '').replace(FWD_TRAILER, '').trim();
    rest = base === '' ? body : base;
    const inner = FWD_WRAPPER.exec(rest)?.[1];
    if (inner === undefined) break;
    rest = inner;
  }
  return rest.toLowerCase();
}

/** Takes a decoded subject. Gives it without its marks of answering and forwarding, to be shown: `baseSubject` is for comparing. */
export function unmarkedSubject(subject: string): string {
  const whole = collapse(subject.slice(0, MAX_SUBJECT_LENGTH)).normalize('NFC');
  return whole.slice(marksOf(whole).end);
}

/** Takes a decoded subject. Gives true if its first mark that is no `[tag]` says forwarded, in the languages known here. */
export function isForward(subject: string): boolean {
  const whole = collapse(subject.slice(0, MAX_SUBJECT_LENGTH)).normalize('NFC');
  const { first, end } = marksOf(whole);
  return first === 'forward' || FWD_TRAILER.test(whole) || (first === undefined && FWD_WRAPPER.test(whole.slice(end)));
}

interface Marks {
  /** Where the text behind the marks starts. */
  end: number;
  first: 'reply' | 'forward' | undefined;
}

function marksOf(subject: string): Marks {
  const marks: Marks = { end: 0, first: undefined };
  while (marks.end < subject.length) {
    const mark = markAt(subject, marks.end);
    // A tag stays if nothing stands behind it (RFC 5256 §2.1, step 4).
    if (!mark || (mark.kind === 'tag' && mark.end >= subject.length)) return marks;
    marks.end = mark.end;
    marks.first ??= mark.kind === 'tag' ? undefined : mark.kind;
  }
  return marks;
}

function markAt(subject: string, at: number): { end: number; kind: 'reply' | 'forward' | 'tag' } | undefined {
  TAG.lastIndex = PREFIX.lastIndex = at;
  if (TAG.test(subject)) return { end: TAG.lastIndex, kind: 'tag' };
  const word = PREFIX.exec(subject)?.[1]?.toLowerCase();
  if (word === undefined) return undefined;
  if (REPLY.has(word)) return { end: PREFIX.lastIndex, kind: 'reply' };
  return FORWARD.has(word) ? { end: PREFIX.lastIndex, kind: 'forward' } : undefined;
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(' '));
}
