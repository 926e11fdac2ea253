// The line by which mail programs, in the languages people write, say whose words they quote: "On Mon, 1 Jan, Joe <joe@host> wrote:".

/** Such a line is short; longer ones are prose. */
const MAX_LENGTH = 300;
/** Lines over which it may be broken. */
const MAX_LINES = 5;

/** Words that end a line "On .. Joe wrote:"; the line also needs a digit or an address, since people write "I wrote:". */
const VERBS = [
  'wrote',
  'writes',
  'schrieb',
  'schrieben',
  'geschrieben',
  'a écrit',
  'écrit',
  'a ecrit',
  'escribió',
  'escribio',
  'escribe',
  'va escriure',
  'escreveu',
  'ha scritto',
  'scrisse',
  'schreef',
  'geschreven',
  'skrev',
  'skreiv',
  'skrifaði',
  'kirjoitti',
  'napisał',
  'napisał(a)',
  'napisała',
  'pisze',
  'napsal',
  'napsal(a)',
  'napísal',
  'napísal(a)',
  'írta',
  'ezt írta',
  'a scris',
  'yazdı',
  'şunu yazdı',
  'έγραψε',
  'написал',
  'написал(а)',
  'написала',
  'писал',
  'пишет',
  'написав',
  'пише',
  'написа',
  'napisao',
  'je napisao',
  'rašė',
  'rakstīja',
  'kirjutas',
  'viết',
  'đã viết',
  'menulis',
  '写道',
  '寫道',
  '写到',
  '写入',
  'のメール',
  '書きました',
  '작성',
  'が書きました',
];

/** Words such a line opens with. */
const OPENING = /^[-\s]{0,20}(?:on|am|le|den|op|el|il|em|no dia|w dniu|dnia|dne|pada|vào|a|på|в) /i;
/** Old Gmail in languages it had no words for: `2016-03-03 17:21 GMT+01:00 Joe <joe@host>:`, or without the address. */
const DATED_ADDRESS = /^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b.{0,200}<\s?[^<>@\s]{1,64}@[^<>\s]{1,200}>:?$/;
const DATED_NAME = /^\d{4}-\d{2}-\d{2} \d{1,2}:\d{2} GMT[+-]\d{2}:\d{2} [^.!?]{1,100}$/;

/** An address with something before it that only a mail program puts there. */
const WITH_ADDRESS = /[<(:"]\s?[^\s<>]{1,64}@|^[^\s<>]{1,64}@/;
const WITH_TIME = /\d[:.h]\d{2}/;
const WITH_YEAR = /\b\d{4}\b/;

export interface Attribution {
  /** The first of its lines. */
  start: number;
  /** It has an address, a time of day or a year, as people's own sentences hardly do; another counts only before what is marked as quoted. */
  isCertain: boolean;
}

/**
 * Takes the lines of a text, and where an attribution may end.
 * Gives where it starts; undefined where none ends there. It may be broken over several lines, above all within an address.
 */
export function attributionEndingAt(lines: readonly string[], end: number): Attribution | undefined {
  let joined = (lines[end] ?? '').trim();
  if (DATED_ADDRESS.test(joined) || DATED_NAME.test(joined)) return { start: end, isCertain: true };
  if (!/(?:[:：]|[ \u00a0]-{2,10})$/.test(joined)) return undefined;
  for (let start = end; joined.length <= MAX_LENGTH; joined = `${lines[start]!.trim()} ${joined}`.trim()) {
    if (isWhole(joined)) return { start: isOpened(lines, start) ? start - 1 : start, isCertain: isCertain(joined) };
    const mayBeBroken = start === end || !hasWholeAddress(joined);
    if (--start < 0 || end - start >= MAX_LINES || !mayBeBroken) break;
    if (lines[start]!.length > MAX_LENGTH) break;
  }
  return undefined;
}

/** Where the verb stands before the name ("Den 3. jan. skrev Joe:"), an address or the opening word must stand there too. */
function isWhole(joined: string): boolean {
  if (DATED_ADDRESS.test(joined)) return true;
  if (!/[\d@]/.test(joined) || !hasWholeAddress(joined)) return false;
  const said = saidIn(joined);
  if (endsWithVerb(said)) return true;
  return (said.includes('@') || OPENING.test(said)) && VERBS.some((verb) => ` ${said} `.includes(` ${verb} `));
}

/** "Joe wrote:", with nothing that tells it from a sentence: it announces what is quoted right below it, and nothing else. */
export function isAnnouncement(line: string): boolean {
  const trimmed = line.trim();
  return trimmed.length <= MAX_LENGTH && /[:：]$/.test(trimmed) && endsWithVerb(saidIn(trimmed));
}

const saidIn = (line: string): string =>
  line
    .replace(/(?:[:：]|[ \u00a0]-{2,10})$/, '')
    .trimEnd()
    .toLowerCase();

function endsWithVerb(said: string): boolean {
  return VERBS.some((verb) => said.endsWith(verb) && isWordStart(said, said.length - verb.length));
}

/** Not cut within the brackets of its address, nor before them. */
const hasWholeAddress = (joined: string): boolean => !joined.startsWith('<') && joined.split('<').length === joined.split('>').length;

/** The date stands on a line of its own above the name. */
function isOpened(lines: readonly string[], start: number): boolean {
  const above = (lines[start - 1] ?? '').slice(0, MAX_LENGTH).trim();
  return !OPENING.test(lines[start]!) && OPENING.test(above) && WITH_TIME.test(above) && !/[.!?:;]$/.test(above);
}

function isCertain(joined: string): boolean {
  return WITH_ADDRESS.test(joined) || WITH_TIME.test(joined) || (OPENING.test(joined) && WITH_YEAR.test(joined));
}

/** Scripts without spaces have no word start: there any place will do. */
function isWordStart(text: string, at: number): boolean {
  return at === 0 || text.charCodeAt(at) > 0x2e80 || !/[\p{L}\d]/u.test(text.charAt(at - 1));
}
