// Follows one IMAP connection: which folder is open, and which sections of mails came over it.
import { readFetch, type CarriedSection } from './imap-fetch.js';
import type { ImapLine } from './imap-lines.js';

export interface FetchedSection extends CarriedSection {
  /** As a person reads it, not in IMAP's UTF-7. */
  folder: string;
  /** Missing where neither client nor server named it. */
  uid?: number;
  sequence: number;
  sizeBytes: number;
  connection: number;
}

export class ImapSession {
  private folder = '';
  private readonly pending = new Map<string, string>();
  private compressing = '';

  constructor(
    private readonly connection: number,
    private readonly take: (section: FetchedSection) => void,
  ) {}

  fromClient({ text, literals }: ImapLine): void {
    const command = /^(\S+) (\S+)(?: ([^]*))?$/.exec(text);
    if (!command) return;
    const [, tag, verb, rest = ''] = command;
    if (/^(SELECT|EXAMINE)$/i.test(verb!)) this.pending.set(tag!, mailboxName(rest, literals));
    if (/^(CLOSE|UNSELECT)$/i.test(verb!)) this.pending.set(tag!, '');
    if (/^COMPRESS$/i.test(verb!)) this.compressing = tag!;
  }

  fromServer(line: ImapLine): void {
    const response = readFetch(line);
    if (response) return this.carried(response.sequence, response.uid, response.sections);
    const done = /^(\S+) (OK|NO|BAD)\b/i.exec(line.text);
    if (!done || done[1] === '*') return;
    const [, tag, outcome] = done;
    if (tag === this.compressing && /OK/i.test(outcome!)) throw new Error('the client compresses its IMAP: the wire cannot read on');
    const opened = this.pending.get(tag!);
    if (opened === undefined) return;
    this.pending.delete(tag!);
    this.folder = /OK/i.test(outcome!) ? opened : '';
  }

  private carried(sequence: number, uid: number | undefined, sections: CarriedSection[]): void {
    for (const section of sections) {
      this.take({ ...section, folder: this.folder, uid, sequence, sizeBytes: section.bytes.length, connection: this.connection });
    }
  }
}

function mailboxName(rest: string, literals: Buffer[]): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(rest);
  if (quoted) return decodeUtf7(quoted[1]!.replace(/\\(.)/g, '$1'));
  if (/^\{\d+\+?\}/.test(rest)) return decodeUtf7(literals[0]?.toString('latin1') ?? '');
  const atom = rest.split(' ')[0] ?? '';
  return /^inbox$/i.test(atom) ? 'INBOX' : decodeUtf7(atom);
}

/** RFC 3501, 5.1.3. */
function decodeUtf7(name: string): string {
  return name.replace(/&([^-]*)-/g, (_, encoded: string) => {
    if (encoded === '') return '&';
    const bytes = Buffer.from(encoded.replaceAll(',', '/'), 'base64');
    return bytes
      .subarray(0, bytes.length & ~1)
      .swap16()
      .toString('utf16le');
  });
}
