// Makes the HTML of a stranger safe to show, and readable as text: no script, nothing loaded from elsewhere, bounded size and depth.
import sanitizeHtml from 'sanitize-html';

/** Longer HTML is not shown; its text is read as far as this. */
export const maxHtmlCharacters = 1_000_000;
/** Deeper HTML is given up as soon as it is seen: parsing 200,000 nested tags takes seconds. */
export const maxDepth = 256;

const maxTextCharacters = 1_000_000;

export interface CleanHtml {
  /** Empty where it cannot be shown. */
  html: string;
  text: string;
}

class TooDeep extends Error {}

const plainValue = [/^(?!.*url)[#\w(),.%\s-]{1,60}$/i];
const styles = ['color', 'background-color', 'text-align', 'font-weight', 'font-style', 'text-decoration'];
const isInMail = (url: string) => /^\s*cid:/i.test(url);
const isRemote = (url: string) => /^\s*https?:\/\//i.test(url);

/** Elements that nest without a close tag being due: they tell nothing of depth. */
const voidTags = new Set('area base br col embed hr img input link meta param source track wbr'.split(' '));

/** Nothing is loaded until a person asks for it; what a sender calls data-src itself is not taken. */
function shownImage({ src = '', alt = '', width = '', height = '' }: sanitizeHtml.Attributes): sanitizeHtml.Attributes {
  const size = { ...(width && { width }), ...(height && { height }) };
  const place: Record<string, string> = isRemote(src) ? { 'data-src': src.trim() } : isInMail(src) ? { src: src.trim() } : {};
  return { ...place, alt, ...size };
}

function optionsFor(depth: { now: number }): sanitizeHtml.IOptions {
  return {
    allowedTags: [...sanitizeHtml.defaults.allowedTags, 'img', 'center', 'font'],
    allowedAttributes: {
      a: ['href', 'name', 'target', 'rel'],
      img: ['src', 'data-src', 'alt', 'width', 'height'],
      font: ['color'],
      table: ['width', 'border', 'cellpadding', 'cellspacing', 'align', 'bgcolor'],
      td: ['width', 'height', 'align', 'valign', 'bgcolor', 'colspan', 'rowspan'],
      th: ['width', 'height', 'align', 'valign', 'bgcolor', 'colspan', 'rowspan'],
      '*': ['style', 'dir'],
    },
    allowedStyles: { '*': Object.fromEntries(styles.map((style) => [style, plainValue])) },
    allowedSchemes: ['http', 'https', 'mailto', 'tel'],
    allowedSchemesByTag: { img: ['cid'] },
    allowProtocolRelative: false,
    transformTags: {
      a: (tagName, attribs) => ({ tagName, attribs: { ...attribs, target: '_blank', rel: 'noopener noreferrer nofollow' } }),
      img: (tagName, attribs) => ({ tagName, attribs: shownImage(attribs) }),
    },
    onOpenTag: (name) => {
      if (!voidTags.has(name) && ++depth.now > maxDepth) throw new TooDeep();
    },
    onCloseTag: (name) => {
      if (!voidTags.has(name)) depth.now--;
    },
  };
}

/** Takes HTML as its sender wrote it. Gives what may be shown of it and its text; of HTML that is too long or too deep only text, as far as it can be read. */
export function cleanHtml(html: string): CleanHtml {
  if (html.length > maxHtmlCharacters) return { html: '', text: strippedText(html) };
  try {
    const clean = sanitizeHtml(html, optionsFor({ now: 0 }));
    return { html: clean, text: strippedText(clean) };
  } catch (error) {
    if (error instanceof TooDeep || error instanceof RangeError) return { html: '', text: strippedText(html) };
    throw error;
  }
}

const breaks = new Set('br p div tr li hr table ul ol h1 h2 h3 h4 h5 h6 blockquote pre section article header footer'.split(' '));
const hidden = new Set(['style', 'script', 'head', 'title', 'textarea', 'noscript']);
const entities: Readonly<Record<string, string>> = { nbsp: ' ', amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", '#39': "'" };

/** Quotes within quotes that are marked as such. */
const maxQuoteDepth = 9;

/** The text between tags, a line for each block, what is quoted behind `>` as mail programs write it. One pass over the first part of what may be anything; a tag that never closes ends it. */
export function strippedText(html: string): string {
  const source = html.slice(0, maxHtmlCharacters);
  const lower = source.toLowerCase();
  const pieces: string[] = [];
  let quotes = 0;
  for (let at = 0; at < source.length;) {
    const open = source.indexOf('<', at);
    pieces.push(source.slice(at, open < 0 ? source.length : open).replace(/\s+/g, ' '));
    const close = open < 0 ? -1 : source.indexOf('>', open);
    if (close < 0) break;
    const name = /^<\/?([a-z][a-z0-9]*)/i.exec(source.slice(open, open + 14))?.[1]?.toLowerCase() ?? '';
    if (name === 'blockquote') quotes = source[open + 1] === '/' ? Math.max(0, quotes - 1) : Math.min(maxQuoteDepth, quotes + 1);
    if (breaks.has(name)) pieces.push(`\n${'> '.repeat(quotes)}`);
    at = close + 1;
    if (hidden.has(name) && source[open + 1] !== '/') {
      const end = lower.indexOf(`</${name}`, at);
      if (end < 0) break;
      at = end;
    }
  }
  return readable(pieces.join(''));
}

function readable(text: string): string {
  const decoded = text.replace(
    /&(#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,6});/gi,
    (whole, name: string) => entities[name.toLowerCase()] ?? numbered(name) ?? whole,
  );
  const lines = decoded.split('\n').map((line) => line.trim().replace(/^((?:> )+) +/, '$1'));
  const isEmpty = (line: string) => /^[> ]*$/.test(line);
  const isQuoted = (line = '') => line.startsWith('>') && !isEmpty(line);
  return lines
    .map((line, at) => (isEmpty(line) && !(isQuoted(lines[at - 1]) && isQuoted(lines[at + 1])) ? '' : line))
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
    .slice(0, maxTextCharacters);
}

function numbered(name: string): string | undefined {
  if (!name.startsWith('#')) return undefined;
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
