// Small bounded helpers on raw header text, shared by the rules beside it.

/** Longest header value any rule looks at, in UTF-16 units; what lies beyond is not seen. */
export const MAX_VALUE_LENGTH = 1_000_000;

const CONTROLS_AND_SPACE = /[\s\p{Cc}\u200b]+/gu;
const MAX_PLAIN_LENGTH = 1_000;
const encoder = new TextEncoder();

/** Gives the value unfolded (RFC 5322 §2.2.3): every run of white space or control characters is one space, the ends trimmed. Linear. */
export function collapse(value: string): string {
  if (isPlain(value)) return value;
  return value.slice(0, MAX_VALUE_LENGTH).replace(CONTROLS_AND_SPACE, ' ').trim();
}

/** Gives the value without any white space or control character. Linear. */
export function squeeze(value: string): string {
  if (!value.includes(' ') && isPlain(value)) return value;
  return value.slice(0, MAX_VALUE_LENGTH).replace(CONTROLS_AND_SPACE, '');
}

/** Whether it is short ASCII text with single spaces between words, as nearly all values are: nothing is to be done to it. */
function isPlain(value: string): boolean {
  if (value.length > MAX_PLAIN_LENGTH) return false;
  let wasSpace = true;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    const isSpace = code === 0x20;
    if (code < 0x20 || code > 0x7e || (isSpace && wasSpace)) return false;
    wasSpace = isSpace;
  }
  return !wasSpace || value === '';
}

/** Gives the number of bytes of the value in UTF-8. */
export function utf8Length(value: string): number {
  return encoder.encode(value).length;
}

/** Decodes RFC 2047 words of a raw header value; the caller brings one (libmime), since these rules have no dependency. */
export type DecodeWords = (raw: string) => string;

/** Gives `decode(raw)`, or `raw` itself where no decoder is given or it throws (unknown charset). */
export function decodeSafely(raw: string, decode: DecodeWords | undefined): string {
  if (!decode) return raw;
  try {
    return decode(raw);
  } catch {
    return raw; // A name in an unknown charset is shown raw rather than losing the mail.
  }
}
