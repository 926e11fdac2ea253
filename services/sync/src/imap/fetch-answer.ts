// Reads an answer to the FETCH of header fields as servers usually write it: one line, one literal with the fields, the end of the line.
import type { SeenMail } from './imap-session.js';

const opening = /^\* \d{1,10} FETCH \(/i;
/** Values that hold neither literal, escape nor nesting; EMAILID and its like are not asked for by us, but imapflow asks for them. */
const item =
  /(?:UID (\d{1,10})|FLAGS \(([ !#$&'+-[\\\]^-z|}~]*)\)|INTERNALDATE "([ \w:+-]{1,40})"|RFC822\.SIZE (\d{1,15})|MODSEQ \(\d{1,20}\)|EMAILID \([\w-]{1,255}\)|X-GM-MSGID \d{1,20}|X-GM-LABELS \(((?:(?:"(?:[ !#-[\]-~]|\\["\\])*"|(?!NIL[ )])\\?[\w.&+/-]+)(?: (?:"(?:[ !#-[\]-~]|\\["\\])*"|(?!NIL[ )])\\?[\w.&+/-]+))*)?)\))/iy;
/** One label: quoted, or an atom. Those of a person stay in IMAP's UTF-7, since only Gmail's own say where a mail lies. */
const label = /"((?:[^"\\]|\\.)*)"|([^ ]+)/g;
const section = /BODY\[HEADER\.FIELDS \([ "\w-]*\)\] \{\d{1,9}\}\r?\n$/iy;
const maxFlagTexts = 100;

/** Reads such answers; what is written in any other way is undefined here, and a matter for imapflow. */
export class FetchAnswers {
  /** The same few sets of flags come again and again. */
  readonly #flags = new Map<string, ReadonlySet<string>>();

  /** Takes the line up to and with its literal's size, the literal, and the line behind it, all with their line ends. */
  read(line: string, header: Buffer, rest: string): SeenMail | undefined {
    const start = opening.exec(line);
    if (!start) return undefined;
    const seen: Partial<SeenMail> = {};
    let at = this.#items(line, start[0].length, seen);
    section.lastIndex = at;
    if (!section.test(line)) return undefined;
    at = rest.startsWith(' ') ? this.#items(rest, 1, seen) : 0;
    if (!/^\)\r?\n$/.test(rest.slice(at))) return undefined;
    const { uid, flags, sizeBytes } = seen;
    // imapflow gives a mail without these too; here only the usual is read.
    if (!uid || !flags || sizeBytes === undefined) return undefined;
    return { uid, flags, sizeBytes, receivedAt: seen.receivedAt, header, labels: seen.labels };
  }

  /** Answers where the items end; one space parts them, and one stands before the section. */
  #items(text: string, from: number, seen: Partial<SeenMail>): number {
    for (let at = from; ;) {
      item.lastIndex = at;
      const found = item.exec(text);
      if (!found) return at;
      const [, uid, flags, date, size, labels] = found;
      if (uid !== undefined) seen.uid = Number(uid);
      else if (flags !== undefined) seen.flags = this.#flagsOf(flags);
      else if (date !== undefined) seen.receivedAt = dateOf(date);
      else if (size !== undefined) seen.sizeBytes = Number(size);
      else if (labels !== undefined) seen.labels = labelsOf(labels);
      at = item.lastIndex;
      if (text[at] !== ' ') return at;
      at++;
    }
  }

  #flagsOf(text: string): ReadonlySet<string> {
    const known = this.#flags.get(text);
    if (known) return known;
    const flags = new Set(text.split(' ').filter((flag) => flag !== ''));
    if (this.#flags.size < maxFlagTexts) this.#flags.set(text, flags);
    return flags;
  }
}

function labelsOf(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(label)].map(([, quoted, atom]) => quoted?.replace(/\\(.)/g, '$1') ?? atom!));
}

function dateOf(text: string): Date | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
