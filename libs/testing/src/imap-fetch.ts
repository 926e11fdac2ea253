// Reads from a FETCH response which sections of which mail it carries.
import type { ImapLine } from './imap-lines.js';

/** `header`: the mail's own header. `mime`: the header of a part. `body`: anything that says what the mail says. */
export type SectionKind = 'header' | 'mime' | 'body';

export interface CarriedSection {
  /** As the server named it: `BODY[1.2]`, `BODY[HEADER.FIELDS (SUBJECT)]`, `RFC822.TEXT`, `PREVIEW`. */
  name: string;
  kind: SectionKind;
  bytes: Buffer;
}

export interface FetchResponse {
  sequence: number;
  uid?: number;
  sections: CarriedSection[];
}

export function readFetch({ text, literals }: ImapLine): FetchResponse | undefined {
  const start = /^\* (\d+) (?:UID)?FETCH \(/i.exec(text);
  if (!start) return undefined;
  const reader = new ItemReader(text, start[0].length, literals);
  const response: FetchResponse = { sequence: Number(start[1]), sections: [] };
  for (let item = reader.next(); item; item = reader.next()) {
    if (/^UID$/i.test(item.name)) response.uid = Number(item.value);
    const kind = kindOf(item.name);
    if (kind && item.value !== undefined) response.sections.push({ name: item.name, kind, bytes: Buffer.from(item.value) });
  }
  return response;
}

function kindOf(name: string): SectionKind | undefined {
  const upper = name.toUpperCase();
  if (upper === 'RFC822.HEADER') return 'header';
  if (/^(RFC822|RFC822\.TEXT|PREVIEW|SNIPPET|X-GM-SNIPPET)$/.test(upper)) return 'body';
  const section = /^(?:BODY|BINARY)\[([^]*)\](?:<\d+>)?$/.exec(upper)?.[1];
  if (section === undefined) return undefined;
  if (/^HEADER(\.FIELDS(\.NOT)? |$)/.test(section)) return 'header';
  return section.endsWith('.MIME') ? 'mime' : 'body';
}

class ItemReader {
  private nextLiteral = 0;

  constructor(
    private readonly text: string,
    private at: number,
    private readonly literals: Buffer[],
  ) {}

  next(): { name: string; value: Buffer | string | undefined } | undefined {
    while (this.text[this.at] === ' ') this.at++;
    if (this.at >= this.text.length || this.text[this.at] === ')') return undefined;
    const name = this.name();
    while (this.text[this.at] === ' ') this.at++;
    return { name, value: this.value() };
  }

  /** An atom; what stands in brackets belongs to it, spaces and quotes included. */
  private name(): string {
    const start = this.at;
    let inBrackets = false;
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at]!;
      if (character === '[') inBrackets = true;
      else if (character === ']') inBrackets = false;
      else if (inBrackets && character === '"') this.quoted();
      else if (inBrackets && character === '{') this.literal();
      else if (!inBrackets && /[ ()]/.test(character)) break;
    }
    return this.text.slice(start, this.at);
  }

  /** The bytes of a string, the text of an atom; NIL and lists have none that matter here. */
  private value(): Buffer | string | undefined {
    const character = this.text[this.at];
    if (character === '"') {
      const value = this.quoted();
      this.at++;
      return value;
    }
    if (character === '(') return this.list();
    const literal = this.literal();
    if (literal) {
      this.at++;
      return literal;
    }
    const atom = /^[^ ()]*/.exec(this.text.slice(this.at))![0];
    this.at += Math.max(atom.length, 1);
    return /^NIL$/i.test(atom) ? undefined : atom;
  }

  /** Leaves `at` on the closing quote. */
  private quoted(): Buffer {
    let value = '';
    for (this.at++; this.at < this.text.length && this.text[this.at] !== '"'; this.at++) {
      if (this.text[this.at] === '\\') this.at++;
      value += this.text[this.at] ?? '';
    }
    return Buffer.from(value, 'latin1');
  }

  /** Leaves `at` on the closing brace. */
  private literal(): Buffer | undefined {
    const mark = /^~?\{\d+\+?\}/.exec(this.text.slice(this.at, this.at + 32));
    if (!mark) return undefined;
    this.at += mark[0].length - 1;
    return this.literals[this.nextLiteral++];
  }

  private list(): undefined {
    let depth = 0;
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at]!;
      if (character === '"') this.quoted();
      else if (character === '{' || character === '~') this.literal();
      else if (character === '(') depth++;
      else if (character === ')' && --depth === 0) break;
    }
    this.at++;
    return undefined;
  }
}
