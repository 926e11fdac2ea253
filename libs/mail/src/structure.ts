// Which parts of a mail are its text and which its attachments, told from its BODYSTRUCTURE before any of it is fetched.
import { type AttachmentPart, type TextPart, type StructureNode, attachmentOf, fetchWithin, fileNameOf, textPartOf } from './part.js';
import type { DecodeWords } from './raw-text.js';

export interface PlanLimits {
  maxDepth: number;
  maxParts: number;
  /** Encoded bytes fetched of all text/plain parts together, and as many of all text/html parts. */
  maxTextBytes: number;
}

export const DEFAULT_PLAN_LIMITS: PlanLimits = { maxDepth: 50, maxParts: 1_000, maxTextBytes: 5_000_000 };

export interface StructurePlan {
  /** Text parts to fetch, each once, in the mail's order. */
  text: TextPart[];
  /** Part ids that read in a row are the plain text; an HTML part stands here where the mail has no other text. */
  textBody: string[];
  /** Part ids that read in a row are the HTML; a plain part stands here where there is no HTML. */
  htmlBody: string[];
  attachments: AttachmentPart[];
  /** A limit was hit: what lies deeper or behind is in neither list. */
  exceeded: 'depth' | 'parts' | undefined;
}

/**
 * Takes a BODYSTRUCTURE tree, how to decode RFC 2047 words that are left in file names, and limits.
 * Gives the plan by the algorithm of RFC 8621 §4.1.4: alternatives are renderings of one text; in multipart/related only the first
 * part is text; a text part with a name or `attachment` is a file; a nested message is one attachment, not looked into. Media within
 * the text are attachments too. Unlike there, a further text rendition of an alternative (AMP, watch) is no attachment. Never throws.
 */
export function planOf(root: StructureNode, decode?: DecodeWords, limits: PlanLimits = DEFAULT_PLAN_LIMITS): StructurePlan {
  const walk: Walk = { limits, decode, parts: 0, text: new Map(), textBody: [], htmlBody: [], attachments: [], exceeded: undefined };
  visit(walk, [root], { subtype: 'mixed', path: '', depth: 0, inAlternative: false }, { text: walk.textBody, html: walk.htmlBody });
  const { textBody, htmlBody, attachments, exceeded } = walk;
  return { text: fetchWithin([...walk.text.values()], limits.maxTextBytes), textBody, htmlBody, attachments, exceeded };
}

interface Walk extends Omit<StructurePlan, 'text'> {
  readonly limits: PlanLimits;
  readonly decode: DecodeWords | undefined;
  /** Nodes seen, multiparts too. */
  parts: number;
  readonly text: Map<string, TextPart>;
}

/** The multipart whose children are visited. */
interface Parent {
  subtype: string;
  path: string;
  depth: number;
  inAlternative: boolean;
}

/** Where text goes; a view is absent once the enclosing alternative has taken a part of the other kind. */
interface Views {
  text: string[] | undefined;
  html: string[] | undefined;
}

function visit(walk: Walk, nodes: readonly StructureNode[], parent: Parent, views: Views): void {
  const before = { text: views.text?.length, html: views.html?.length };
  for (const [at, node] of nodes.entries()) {
    if (++walk.parts > walk.limits.maxParts) {
      walk.exceeded = 'parts';
      return;
    }
    const partId = node.part ?? (parent.path === '' ? String(at + 1) : `${parent.path}.${at + 1}`);
    // A multipart that holds nothing readable is kept as a file, so that nothing of a mail is lost unseen.
    if (node.childNodes && node.type.toLowerCase().startsWith('multipart/')) descend(walk, node, partId, parent, views);
    else place(walk, node, partId, at === 0, parent, views);
  }
  if (parent.subtype === 'alternative') fillMissingView(views, before);
}

function descend(walk: Walk, node: StructureNode, partId: string, parent: Parent, views: Views): void {
  if (parent.depth >= walk.limits.maxDepth) {
    walk.exceeded ??= 'depth';
    return;
  }
  const subtype = node.type.slice('multipart/'.length).toLowerCase();
  const inAlternative = parent.inAlternative || subtype === 'alternative';
  // Each multipart has views of its own over the same lists: what an alternative chooses inside it binds only its own descendants.
  visit(
    walk,
    node.childNodes ?? [],
    { subtype, path: parent.depth === 0 ? '' : partId, depth: parent.depth + 1, inAlternative },
    { ...views },
  );
}

function place(walk: Walk, node: StructureNode, partId: string, isFirst: boolean, parent: Parent, views: Views): void {
  const type = node.type.toLowerCase();
  const isAttached = node.disposition?.toLowerCase() === 'attachment';
  const isNamed = fileNameOf(node, walk.decode) !== undefined;
  const isText = (type === 'text/plain' || type === 'text/html') && !isAttached;
  const isShown = isText && (isFirst || (parent.subtype !== 'related' && !isNamed));
  const isRendition = parent.subtype === 'alternative' && type.startsWith('text/') && type !== 'text/calendar' && !isNamed && !isAttached;
  if (isShown) show(walk, textPartOf(node, partId), parent, views);
  else if (!isRendition) walk.attachments.push(attachmentOf(node, partId, parent.subtype === 'related', walk.decode));
}

function show(walk: Walk, part: TextPart, parent: Parent, views: Views): void {
  walk.text.set(part.partId, part);
  if (parent.subtype === 'alternative') {
    (part.kind === 'plain' ? views.text : views.html)?.push(part.partId);
    return;
  }
  if (parent.inAlternative && part.kind === 'plain') views.html = undefined;
  if (parent.inAlternative && part.kind === 'html') views.text = undefined;
  views.text?.push(part.partId);
  views.html?.push(part.partId);
}

/** An alternative that offers one kind only stands in both views. */
function fillMissingView({ text, html }: Views, before: { text: number | undefined; html: number | undefined }): void {
  if (!text || !html) return;
  if (text.length === before.text && html.length !== before.html) text.push(...html.slice(before.html));
  else if (html.length === before.html && text.length !== before.text) html.push(...text.slice(before.text));
}
