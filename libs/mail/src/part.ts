// One part of a mail as its BODYSTRUCTURE declares it: its name, sizes and place.
import { safeFileName } from './file-name.js';
import { type DecodeWords, decodeSafely, squeeze } from './raw-text.js';

/** A BODYSTRUCTURE node as imapflow 2.10 gives it; a subset, so that other parsers can make one too. */
export interface StructureNode {
  /** Absent at the root; a mail of one part is fetched as part 1 (RFC 9051 §6.4.5). */
  part?: string | undefined;
  type: string;
  parameters?: Record<string, string> | undefined;
  id?: string | undefined;
  encoding?: string | undefined;
  size?: number | undefined;
  disposition?: string | undefined;
  dispositionParameters?: Record<string, string> | undefined;
  childNodes?: StructureNode[] | undefined;
}

export interface TextPart {
  partId: string;
  kind: 'plain' | 'html';
  charset: string | undefined;
  encoding: string;
  encodedSizeBytes: number;
  /** How many encoded bytes to fetch; 0: do not ask for it. */
  fetchBytes: number;
  /** Less than the whole is fetched: the text is cut, maybe inside a character, and whoever shows it says so. */
  truncated: boolean;
}

export interface AttachmentPart {
  partId: string;
  /** Decoded and made safe; undefined where the mail gives none. */
  fileName: string | undefined;
  contentType: string;
  encodedSizeBytes: number;
  encoding: string;
  disposition: string | undefined;
  /** Without brackets: what a `cid:` link in the HTML names. */
  contentId: string | undefined;
  /** Meant to be shown within the text, not filed beside it: it has a Content-ID, is media or related to the HTML, and not marked `attachment`. */
  inline: boolean;
}

const MAX_TYPE_LENGTH = 200;
const MAX_ID_LENGTH = 998;

/** Gives a text part, to be fetched whole; `fetchWithin` cuts. */
export function textPartOf(node: StructureNode, partId: string): TextPart {
  const encodedSizeBytes = sizeOf(node);
  const kind = node.type.toLowerCase() === 'text/html' ? 'html' : 'plain';
  const charset = node.parameters?.['charset']?.slice(0, MAX_TYPE_LENGTH);
  return { partId, kind, charset, encoding: encodingOf(node), encodedSizeBytes, fetchBytes: encodedSizeBytes, truncated: false };
}

/** Takes text parts in order. Gives them with what may be fetched of each, so that plain and HTML parts stay within the limit each. */
export function fetchWithin(parts: readonly TextPart[], maxTextBytes: number): TextPart[] {
  const left = { plain: maxTextBytes, html: maxTextBytes };
  return parts.map((part) => {
    const fetchBytes = Math.min(part.encodedSizeBytes, left[part.kind]);
    left[part.kind] -= fetchBytes;
    return { ...part, fetchBytes, truncated: fetchBytes < part.encodedSizeBytes };
  });
}

/** Gives an attachment; `isRelated`: it lies in a multipart/related beside the HTML that shows it. */
export function attachmentOf(node: StructureNode, partId: string, isRelated: boolean, decode: DecodeWords | undefined): AttachmentPart {
  const contentType = squeeze(node.type).toLowerCase().slice(0, MAX_TYPE_LENGTH);
  const disposition = node.disposition?.toLowerCase().slice(0, MAX_TYPE_LENGTH);
  const contentId =
    squeeze(node.id ?? '')
      .replace(/^<|>$/g, '')
      .slice(0, MAX_ID_LENGTH) || undefined;
  const isMedia = /^(?:image|audio|video)\//.test(contentType);
  return {
    partId,
    fileName: fileNameOf(node, decode),
    contentType,
    encodedSizeBytes: sizeOf(node),
    encoding: encodingOf(node),
    disposition,
    contentId,
    inline: contentId !== undefined && disposition !== 'attachment' && (isMedia || isRelated),
  };
}

/** Gives the safe file name: Content-Disposition's (RFC 2183) before Content-Type's. RFC 2231 pieces are joined by imapflow already. */
export function fileNameOf(node: StructureNode, decode: DecodeWords | undefined): string | undefined {
  const raw = node.dispositionParameters?.['filename'] || node.parameters?.['name'];
  return raw ? safeFileName(decodeSafely(raw, decode)) : undefined;
}

/** A declared size is what a stranger's server says: anything that is no whole number of bytes counts as 0. */
function sizeOf(node: StructureNode): number {
  return typeof node.size === 'number' && Number.isSafeInteger(node.size) && node.size > 0 ? node.size : 0;
}

function encodingOf(node: StructureNode): string {
  return (
    squeeze(node.encoding ?? '')
      .toLowerCase()
      .slice(0, MAX_TYPE_LENGTH) || '7bit'
  );
}
