// Reads a mail from the bytes that were kept of it: its header, its structure, and any part of it.
import { Injectable } from '@nestjs/common';
import libmime from 'libmime';
import { firstValue, parseHeaders, type MailHeaders } from '@rejoinder/mail/headers';
import { MimeScan, partsById, type ScannedPart } from '@rejoinder/mail/mime-scan';
import { planOf, type StructurePlan } from '@rejoinder/mail/structure';
import { mailText, type ReadText } from '../capture/mail-text.js';
import { decodeWords } from '../inbox/decode-words.js';
import type { SectionQuery } from '../imap/imap-session.js';
import { chunkBytes, ChunkStore } from './chunk-store.js';
import type { StoredMail } from './intake-store.js';

export interface OpenedMail {
  mail: StoredMail;
  header: Buffer;
  headers: MailHeaders;
  root: ScannedPart;
  parts: ReadonlyMap<string, ScannedPart>;
  plan: StructurePlan;
}

@Injectable()
export class StoredMails {
  constructor(private readonly chunks: ChunkStore) {}

  /** Reads all of it once; undefined where it is no longer kept whole. */
  async open(mail: StoredMail): Promise<OpenedMail | undefined> {
    const scan = new MimeScan((raw) => libmime.parseHeaderValue(raw));
    let first: Buffer | undefined;
    let seen = 0;
    for await (const piece of this.chunks.read(mail, 0, mail.sizeBytes)) {
      first ??= piece;
      seen += piece.length;
      scan.push(piece);
    }
    if (seen !== mail.sizeBytes) return undefined;
    const root = scan.end();
    const header = Buffer.from((first ?? Buffer.alloc(0)).subarray(0, Math.min(root.bodyStart, chunkBytes)));
    return { mail, header, headers: parseHeaders(header), root, parts: partsById(root), plan: planOf(root, decodeWords) };
  }

  /** As IMAP answers a FETCH of these sections; undefined where the bytes are no longer kept. */
  async sections({ mail, parts }: OpenedMail, queries: SectionQuery[]): Promise<Map<string, Buffer> | undefined> {
    const found = new Map<string, Buffer>();
    for (const { section, start, maxBytes } of queries) {
      const part = parts.get(section);
      const from = Math.min((part?.bodyStart ?? 0) + start, part?.bodyEnd ?? 0);
      const to = Math.min(from + maxBytes, part?.bodyEnd ?? 0);
      const bytes = await this.chunks.readAll(mail, from, to);
      if (bytes.length < to - from) return undefined;
      found.set(section, bytes);
    }
    return found;
  }

  async text(opened: OpenedMail): Promise<ReadText | undefined> {
    const wanted = opened.plan.text.filter(({ fetchBytes }) => fetchBytes > 0);
    const sections = await this.sections(
      opened,
      wanted.map(({ partId, fetchBytes }) => ({ section: partId, start: 0, maxBytes: fetchBytes })),
    );
    return sections && mailText(opened.plan, opened.root, sections);
  }

  /** Bytes of the mail from one place to another. */
  bytes({ mail }: OpenedMail, start: number, end: number): AsyncGenerator<Buffer> {
    return this.chunks.read(mail, start, end);
  }
}

/** The subject of a mail, decoded. */
export const subjectOf = (headers: MailHeaders): string => decodeWords(firstValue(headers, 'subject') ?? '');
