// RFC 2047 words of a header value into text, whatever a stranger wrote into them.
import libmime from 'libmime';

/** Never throws: what cannot be decoded stays as it stands. */
export function decodeWords(raw: string): string {
  // Without this mark there is no word in it, and most values have none.
  if (!raw.includes('=?')) return raw.toWellFormed().replaceAll('\u0000', '');
  try {
    return libmime.decodeWords(raw).toWellFormed().replaceAll('\u0000', '');
  } catch {
    return raw.toWellFormed(); // An unknown charset is shown raw rather than losing the mail.
  }
}
