// What of a mail is sealed before it is written, and opened when it is shown: who is on it, what it says, what its files are called.
import type { MailState } from './mail-state.js';
import { Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import type { Address, AttachmentDeclared, Delivery } from '@rejoinder/contracts/mail';
import { maxBatch, Vault } from '@rejoinder/vault/vault';
import type { Person } from '../contact/match.js';
import { bytesOf } from '@rejoinder/runtime/rows';

export interface MailFacts {
  from: Person | undefined;
  to: Person[];
  cc: Person[];
  bcc: Person[];
  subject: string;
  messageId: string;
  /** Absent of mail that was captured before it was kept. */
  kindBecause?: string;
  /** Of a delivery report; absent of what was captured before it was kept. */
  reported?: Person[];
  /** As above: what it says became of the mail at each of them. */
  deliveries?: DeliveryFacts[];
  /** Of which mail; as above. */
  aboutMessageId?: string;
}

export type DeliveryFacts = Pick<Delivery, 'address' | 'originalAddress' | 'class' | 'status' | 'evidence' | 'outcome'>;

export interface MailText {
  text: string;
  html: string;
}

export interface AttachmentFacts {
  partId: string;
  fileName: string;
  contentType: string;
  contentId: string;
}

/** A thing to be sealed, or sealed bytes as \x.. text; its row says what it is of. */
export interface Piece<T> {
  tenantId: string;
  row: string;
  value: T;
}

export const factsRow = (mailId: string) => `facts:${mailId}`;
export const textRow = (mailId: string) => `text:${mailId}`;
export const attachmentRow = (attachmentId: string) => `attachment:${attachmentId}`;

@Injectable()
export class Sealed {
  constructor(private readonly vault: Vault) {}

  /** Seals each piece; undefined for those of a tenant that is dead. */
  async sealMany(pieces: Piece<object>[]): Promise<(string | undefined)[]> {
    const sealed: (string | undefined)[] = [];
    for (const part of parts(pieces)) {
      const items = part.map((piece) => ({ at: placeOf(piece), plain: Buffer.from(JSON.stringify(piece.value)) }));
      for (const one of await this.vault.sealMany(items)) sealed.push(goneOr(one)?.toString('hex'));
    }
    return sealed.map((hex) => (hex === undefined ? undefined : `\\x${hex}`));
  }

  /** Opens each piece; undefined for those of a tenant that is dead, and for nothing. */
  async openMany<T>(pieces: Piece<string | null>[]): Promise<(T | undefined)[]> {
    const opened: (T | undefined)[] = [];
    for (const part of parts(pieces)) {
      const there = part.filter((piece) => piece.value !== null);
      const items = there.map((piece) => ({ at: placeOf(piece), sealed: bytesOf(piece.value!) }));
      const plain = await this.vault.openMany(items);
      const byPiece = new Map(there.map((piece, at) => [piece, plain[at]!]));
      for (const piece of part) {
        const bytes = byPiece.has(piece) ? goneOr(byPiece.get(piece)!) : undefined;
        opened.push(bytes && (JSON.parse(bytes.toString()) as T));
      }
    }
    return opened;
  }

  /** Who is on a mail, and what it is called; undefined while nobody has told. */
  async factsOf({
    tenantId,
    mailId,
    sealedFacts: value,
  }: Pick<MailState, 'tenantId' | 'mailId' | 'sealedFacts'>): Promise<MailFacts | undefined> {
    return (await this.openMany<MailFacts>([{ tenantId, row: factsRow(mailId), value }]))[0];
  }
}

export const personOf = ({ address, name }: Address): Person => ({ address, name });

export function deliveryOf({ address, originalAddress, class: told, status, evidence, outcome }: Delivery): DeliveryFacts {
  return { address, originalAddress, class: told, status, evidence, outcome };
}

export function attachmentFactsOf({ partId, fileName, contentType, contentId }: AttachmentDeclared): AttachmentFacts {
  return { partId, fileName, contentType, contentId };
}

function placeOf({ tenantId, row }: Piece<unknown>) {
  return { tenantId, purpose: 'text' as const, row };
}

function goneOr<T>(one: T | Fault): T | undefined {
  if (!(one instanceof Fault)) return one;
  if (one.kind === 'gone') return undefined;
  throw one;
}

function parts<T>(list: T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / maxBatch) }, (_, at) => list.slice(at * maxBatch, (at + 1) * maxBatch));
}
