// The text of one mail, put together from the parts that were fetched: decoded as far as they can be, never refused.
import libmime from 'libmime';
import * as charset from 'libmime/lib/charset.js';
import type { StructureNode, TextPart } from '@rejoinder/mail/part';
import type { StructurePlan } from '@rejoinder/mail/structure';
import { decodeTransfer } from '../imap/transfer-decoder.js';

export interface MailText {
  text: string;
  /** As the sender wrote it: not sanitised. */
  html: string;
}

export interface ReadText extends MailText {
  truncated: boolean;
}

/** In UTF-8, of text and of HTML each; a charset can make more of its bytes than were fetched. */
export const maxTextBytes = 5_000_000;
const maxNodes = 1_000;

/** Takes the plan, the structure it was made of, and the encoded bytes of the text parts by part id. Never throws. */
export function mailText(plan: StructurePlan, root: StructureNode, sections: ReadonlyMap<string, Buffer>): ReadText {
  const flowed = flowedParts(root);
  const decoded = new Map(plan.text.map((part) => [part.partId, partText(part, sections.get(part.partId) ?? Buffer.alloc(0), flowed)]));
  const kinds = new Map(plan.text.map(({ partId, kind }) => [partId, kind]));
  const plain = plan.textBody.filter((partId) => kinds.get(partId) === 'plain').map((partId) => decoded.get(partId) ?? '');
  const hasHtml = plan.htmlBody.some((partId) => kinds.get(partId) === 'html');
  const html = plan.htmlBody.map((partId) =>
    kinds.get(partId) === 'html' ? (decoded.get(partId) ?? '') : preformatted(decoded.get(partId) ?? ''),
  );
  const [text, textCut] = bounded(plain.join('\n'));
  const [markup, markupCut] = bounded(hasHtml ? html.join('\n') : '');
  return { text, html: markup, truncated: textCut || markupCut || plan.text.some((part) => part.truncated) };
}

/** Of one text part. */
export function partText({ partId, encoding, charset: name, kind }: TextPart, bytes: Buffer, flowed: ReadonlyMap<string, boolean>): string {
  const plain = decodeTransfer(encoding, bytes);
  const text = clean(inCharset(plain, name));
  const delSp = flowed.get(partId);
  return kind === 'plain' && delSp !== undefined ? libmime.decodeFlowed(text, delSp) : text;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const needsName = /^(?:us-ascii|ascii|utf-?8|7bit|8bit|unknown(?:-8bit)?|default|none|)$/i;

/** Without a name, or with one that says nothing, it is UTF-8 if it can be, else windows-1252, which loses no byte. */
function inCharset(bytes: Buffer, name: string | undefined): string {
  if (needsName.test((name ?? '').trim())) {
    try {
      return utf8.decode(bytes);
    } catch {
      return charset.decode(bytes, 'windows-1252');
    }
  }
  try {
    return charset.decode(bytes, name);
  } catch {
    return charset.decode(bytes, 'windows-1252');
  }
}

/** PostgreSQL, Protobuf and pages take neither NUL nor half a surrogate pair. */
const clean = (text: string): string => text.replaceAll('\u0000', '').toWellFormed().replace(/\r\n/g, '\n');

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const preformatted = (text: string): string => `<pre>${text.replace(/[&<>]/g, (char) => escapes[char]!)}</pre>`;

function bounded(text: string): [text: string, cut: boolean] {
  if (Buffer.byteLength(text) <= maxTextBytes) return [text, false];
  // Cut inside a character gives one replacement mark at the end.
  return [Buffer.from(text).subarray(0, maxTextBytes).toString('utf8'), true];
}

/** Parts of format=flowed (RFC 3676), with whether their soft breaks take a space away. */
function flowedParts(root: StructureNode): ReadonlyMap<string, boolean> {
  const found = new Map<string, boolean>();
  const todo = [root];
  for (let seen = 0; todo.length > 0 && seen < maxNodes; seen++) {
    const node = todo.shift()!;
    todo.push(...(node.childNodes ?? []).slice(0, maxNodes));
    const parameters = node.parameters ?? {};
    if (parameters['format']?.toLowerCase() === 'flowed') found.set(node.part ?? '1', parameters['delsp']?.toLowerCase() === 'yes');
  }
  return found;
}
