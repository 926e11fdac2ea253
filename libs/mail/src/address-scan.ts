// Splits an address header into (name, address text) pairs, looking at each character once.

/** Characters kept of one name, comment or address while scanning; more is dropped, so that hostile input costs no memory. */
const MAX_KEPT = 4_000;

/** Told of each item; says whether its text was an address. */
export type OnItem = (name: string, addressText: string | undefined) => boolean;

/**
 * Takes a header character by character (`take`), then `close`. Tells each mailbox as it ends: at `,` or `;`, at the end, or where the
 * next `<` shows that a comma is missing. Whatever stands in an unclosed quote or comment is scanned once more as plain text, since
 * one stray `"` must not hide the recipients behind it.
 */
export class AddressScan {
  private phrase = '';
  private phraseHasAt = false;
  private angle = '';
  private isRoute = false;
  private angleState: 'none' | 'open' | 'closed' = 'none';
  private comment = '';
  private commentDepth = 0;
  private isQuoted = false;
  private isEscaped = false;
  private isLiteral = false;
  /** Since the last opening quote or comment: what it holds, and what stood before it. */
  private enclosed: string[] = [];
  private before = { phrase: '', angle: '' };

  constructor(private readonly onItem: OnItem) {}

  take(char: string): void {
    if (this.isLiteral) return this.takePlain(char);
    if (!this.isQuoted && this.commentDepth === 0) return this.takeOpening(char);
    this.enclosed.push(char);
    if (this.isEscaped) {
      this.isEscaped = false;
      this.keep(char);
    } else if (char === '\\') {
      this.isEscaped = true;
      this.keep(char);
    } else if (this.isQuoted) {
      this.isQuoted = char !== '"';
      this.keep(char);
    } else this.takeInComment(char);
  }

  close(): void {
    if (this.isQuoted || this.commentDepth > 0) {
      const again = this.enclosed;
      this.enclosed = [];
      this.isQuoted = this.isEscaped = false;
      this.commentDepth = 0;
      this.comment = '';
      this.phrase = this.before.phrase;
      this.angle = this.before.angle;
      this.phraseHasAt = this.phrase.includes('@');
      this.isLiteral = true;
      for (const char of again) this.take(char);
    }
    this.endItem();
  }

  private takeOpening(char: string): void {
    if (char === '"') {
      this.isQuoted = true;
      this.remember();
      this.keep(char);
    } else if (char === '(') {
      this.commentDepth = 1;
      this.remember();
    } else this.takePlain(char);
  }

  private remember(): void {
    this.enclosed = [];
    this.before = { phrase: this.phrase, angle: this.angle };
  }

  private takeInComment(char: string): void {
    if (char === '(') this.commentDepth++;
    else if (char === ')') this.commentDepth--;
    if (this.commentDepth > 0) this.keep(char);
  }

  private takePlain(char: string): void {
    if (char === '<') this.openAngle();
    else if (char === '>') this.angleState = this.angleState === 'none' ? 'none' : 'closed';
    else if (char === ',' && this.isInRoute()) this.keep(char);
    else if (char === ',' || char === ';') this.endItem();
    else if (char === ':' && this.angleState === 'none' && !this.phraseHasAt)
      this.phrase = ''; // a group's name
    else this.keep(char);
  }

  /** `<@relay,@relay:joe@host>`: commas of an obsolete route (RFC 5322 §4.4) part nothing. */
  private isInRoute(): boolean {
    return this.angleState === 'open' && this.isRoute;
  }

  private openAngle(): void {
    if (this.angleState === 'closed') this.endItem(); // `<a@b> <c@d>` lacks its comma
    this.angle = '';
    this.isRoute = false;
    this.angleState = 'open';
  }

  private keep(char: string): void {
    if (this.commentDepth > 0) {
      if (this.comment.length < MAX_KEPT) this.comment += char;
    } else if (this.angleState === 'none') {
      this.phraseHasAt ||= char === '@';
      if (this.phrase.length < MAX_KEPT) this.phrase += char;
    } else if (this.angleState === 'open' && this.angle.length < MAX_KEPT) {
      if (this.angle === '') this.isRoute = char === '@'; // Told here: asking a growing string again and again would copy it each time.
      this.angle += char;
    }
  }

  private endItem(): void {
    if (this.angleState !== 'none') this.onItem(unquoted(this.phrase), withoutRoute(this.angle));
    else if (this.phraseHasAt && !this.onItem(this.comment, this.phrase)) {
      // `Joe joe@host`: brackets forgotten; the last word with an `@` is the address.
      this.onItem(
        this.comment,
        this.phrase.split(/\s+/).findLast((word) => word.includes('@')),
      );
    }
    this.phrase = this.angle = this.comment = '';
    this.phraseHasAt = false;
    this.angleState = 'none';
  }
}

function withoutRoute(angle: string): string {
  const trimmed = angle.trim();
  return trimmed.startsWith('@') ? trimmed.slice(trimmed.indexOf(':') + 1) : trimmed.replace(/^mailto:/i, '');
}

function unquoted(phrase: string): string {
  return phrase.replace(/\\(.)|"/g, '$1');
}
