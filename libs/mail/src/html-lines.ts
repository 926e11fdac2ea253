// The text lines of an HTML body, good enough to look for the marks of a quote or a forward; never HTML again.

const BREAKS = new Set(['br', 'p', 'div', 'tr', 'li', 'hr', 'table', 'h1', 'h2', 'h3', 'h4', 'blockquote', 'pre']);
const HIDDEN = new Set(['style', 'script', 'head', 'title']);
const ENTITIES: Readonly<Record<string, string>> = {
  nbsp: ' ',
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#160': ' ',
  '#58': ':',
};

/** The same of HTML as it was written: its text in its own case. */
export function shownLines(html: string): string[] {
  // Of ASCII alone, so that every place stays where it is.
  return htmlLines(
    html.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
    html,
  );
}

/**
 * Takes HTML in lower case, and the same as it is to be told. Gives its text, a line for each block or `<br>`, white space collapsed. One pass; a tag
 * that never closes ends the text.
 */
export function htmlLines(html: string, told = html): string[] {
  const shownAgain = hiddenEnds(html);
  const lines: string[] = [];
  let line: string[] = [];
  for (let at = 0; at < html.length;) {
    const open = html.indexOf('<', at);
    const textEnd = open < 0 ? html.length : open;
    if (textEnd > at) line.push(told.slice(at, textEnd));
    const close = open < 0 ? -1 : html.indexOf('>', open);
    if (close < 0) break;
    const name = /^<\/?([a-z][a-z0-9]{0,20})/.exec(html.slice(open, open + 24))?.[1] ?? '';
    if (BREAKS.has(name)) {
      lines.push(readable(line));
      line = [];
    }
    at = html[open + 1] === '/' ? close + 1 : shownAgain(name, close);
  }
  lines.push(readable(line));
  return lines;
}

/** Where to read on behind a tag: at the end of what is not shown; an end tag found missing is not looked for again, so that it stays one pass. */
function hiddenEnds(html: string): (name: string, close: number) => number {
  const missing = new Set<string>();
  return (name, close) => {
    if (!HIDDEN.has(name) || missing.has(name)) return close + 1;
    const end = html.indexOf(`</${name}`, close);
    if (end >= 0) return end;
    missing.add(name);
    return close + 1;
  };
}

function readable(pieces: readonly string[]): string {
  return pieces
    .join('')
    .replace(/&([a-z]{2,4}|#\d{2,3});/g, (whole, name: string) => ENTITIES[name] ?? whole)
    .replace(/\s+/g, ' ')
    .trim();
}
