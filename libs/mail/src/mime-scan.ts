// The structure of a mail told from its own bytes as they come: its parts as BODYSTRUCTURE would tell them, and where each lies.
import { firstValue, parseHeaders } from './headers.js';
import type { StructureNode } from './part.js';

/** A part with where it lies in the mail, in bytes from its start. */
export interface ScannedPart extends StructureNode {
  headStart: number;
  bodyStart: number;
  bodyEnd: number;
  childNodes?: ScannedPart[];
}

/** Reads `type; name=value` with RFC 2231 pieces joined; the caller brings one (libmime), since these rules have no dependency. */
export type ReadParameters = (raw: string) => { value: string; params: Record<string, string> };

/** Bytes of a part's header that are looked at, and of a line of a body. */
const MAX_HEAD_BYTES = 1_000_000;
const MAX_LINE_BYTES = 512;
/** What lies deeper, or behind, belongs to the part around it or before it. */
const MAX_DEPTH = 50;
const MAX_PARTS = 2_000;
const MAX_BOUNDARY_LENGTH = 200;

const [LF, CR, DASH] = [0x0a, 0x0d, 0x2d];

interface Open {
  part: ScannedPart;
  boundary: string;
}

/** One pass over the bytes of a mail in pieces of any size; keeps no more of them than a header. Never throws. */
export class MimeScan {
  readonly #root: ScannedPart = newPart(undefined, 0);
  /** Multiparts that have not ended, outermost first. */
  readonly #open: Open[] = [];
  /** The part whose header or body is read; undefined before a first and behind a last boundary. */
  #current: ScannedPart | undefined = this.#root;
  #head: Buffer[] | undefined = [];
  #headBytes = 0;
  #parts = 1;
  #at = 0;
  #lineStart = 0;
  #line: Buffer[] = [];
  #lineBytes = 0;
  /** Of the piece before, since a line break may come in two. */
  #lastByte = 0;
  /** Bytes of the line break before this line: it belongs to a boundary that follows. */
  #breakBytes = 0;

  constructor(private readonly parameters: ReadParameters) {}

  push(piece: Buffer): void {
    for (let from = 0; from < piece.length;) {
      const feed = piece.indexOf(LF, from);
      const to = feed < 0 ? piece.length : feed + 1;
      this.#keep(piece.subarray(from, to));
      this.#at += to - from;
      if (feed >= 0) this.#endLine(piece, feed);
      from = to;
    }
    if (piece.length > 0) this.#lastByte = piece[piece.length - 1]!;
  }

  /** The whole mail was pushed. */
  end(): ScannedPart {
    if (this.#at > this.#lineStart) this.#endLine(undefined, 0);
    if (this.#head) this.#endHead(this.#at);
    this.#close(this.#at);
    for (const { part } of this.#open.splice(0)) part.bodyEnd = this.#at;
    return this.#root;
  }

  #keep(bytes: Buffer): void {
    const limit = this.#head ? MAX_HEAD_BYTES - this.#headBytes : MAX_LINE_BYTES;
    const kept = bytes.subarray(0, Math.max(0, limit - this.#lineBytes));
    if (kept.length > 0) this.#line.push(kept);
    this.#lineBytes += kept.length;
  }

  #endLine(piece: Buffer | undefined, feed: number): void {
    const line = this.#line.length === 1 ? this.#line[0]! : Buffer.concat(this.#line);
    this.#takeLine(line);
    const hasCr = piece !== undefined && (feed > 0 ? piece[feed - 1] === CR : this.#lastByte === CR);
    this.#breakBytes = piece === undefined ? 0 : hasCr ? 2 : 1;
    this.#lineStart = this.#at;
    this.#line = [];
    this.#lineBytes = 0;
  }

  #takeLine(line: Buffer): void {
    if (line[0] === DASH && line[1] === DASH && this.#boundary(line)) return;
    if (!this.#head) return;
    if (line[0] === LF || (line[0] === CR && line[1] === LF)) return this.#endHead(this.#at);
    this.#head.push(Buffer.from(line));
    this.#headBytes += line.length;
  }

  #boundary(line: Buffer): boolean {
    if (this.#open.length === 0) return false;
    const text = line.toString('latin1').trimEnd().slice(2);
    const level = this.#open.findLastIndex(({ boundary }) => text === boundary || text === `${boundary}--`);
    if (level < 0) return false;
    const { part, boundary } = this.#open[level]!;
    const isEnd = text !== boundary;
    if (!isEnd && this.#parts >= MAX_PARTS) return false;
    const end = this.#lineStart - this.#breakBytes;
    if (this.#head) this.#endHead(Math.max(end, this.#current!.headStart));
    this.#close(end);
    for (const inner of this.#open.splice(isEnd ? level : level + 1)) inner.part.bodyEnd = Math.max(end, inner.part.bodyStart);
    if (isEnd) this.#current = undefined;
    else this.#begin(part);
    return true;
  }

  #begin(parent: ScannedPart): void {
    const children = parent.childNodes!;
    const number = String(children.length + 1);
    const child = newPart(parent.part === undefined ? number : `${parent.part}.${number}`, this.#at);
    children.push(child);
    this.#parts++;
    this.#current = child;
    this.#head = [];
    this.#headBytes = 0;
  }

  /** The header of the current part is read: it is a multipart, whose parts follow, or a part with a body. */
  #endHead(bodyStart: number): void {
    const part = this.#current!;
    const headers = parseHeaders(Buffer.concat(this.#head!));
    this.#head = undefined;
    const parent = this.#open.at(-1)?.part;
    const plain = parent?.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
    const type = this.#read(firstValue(headers, 'content-type') ?? '');
    const disposition = this.#read(firstValue(headers, 'content-disposition') ?? '');
    Object.assign(part, {
      bodyStart,
      bodyEnd: bodyStart,
      type: /^[^\s/;]+\/[^\s/;]+$/.test(type.value) ? type.value.toLowerCase() : plain,
      parameters: type.params,
      id: firstValue(headers, 'content-id'),
      encoding: firstValue(headers, 'content-transfer-encoding')?.toLowerCase(),
      disposition: disposition.value.toLowerCase() || undefined,
      dispositionParameters: disposition.params,
    });
    const boundary = type.params['boundary'] ?? '';
    const isMultipart = part.type.startsWith('multipart/') && boundary !== '' && boundary.length <= MAX_BOUNDARY_LENGTH;
    if (!isMultipart || this.#open.length >= MAX_DEPTH) return;
    part.childNodes = [];
    this.#open.push({ part, boundary: boundary.trimEnd() });
    this.#current = undefined;
  }

  #close(end: number): void {
    if (!this.#current) return;
    this.#current.bodyEnd = Math.max(end, this.#current.bodyStart);
    this.#current.size = this.#current.bodyEnd - this.#current.bodyStart;
    this.#current = undefined;
  }

  #read(raw: string): ReturnType<ReadParameters> {
    try {
      return this.parameters(raw.slice(0, MAX_HEAD_BYTES));
    } catch {
      return { value: '', params: {} }; // What cannot be read says nothing.
    }
  }
}

function newPart(part: string | undefined, headStart: number): ScannedPart {
  return { part, type: 'text/plain', headStart, bodyStart: headStart, bodyEnd: headStart };
}

/** Every part by its id; a mail of one part is part 1. */
export function partsById(root: ScannedPart): Map<string, ScannedPart> {
  const found = new Map<string, ScannedPart>();
  const todo = [root];
  for (let part = todo.pop(); part; part = todo.pop()) {
    found.set(part.part ?? (part.childNodes ? '' : '1'), part);
    todo.push(...(part.childNodes ?? []));
  }
  return found;
}
