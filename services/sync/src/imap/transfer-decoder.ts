// Takes the transfer encoding off bytes as they come, tolerant of whatever a stranger wrote (RFC 2045 §6).

/** Fed in pieces of any size; what cannot be decoded yet is kept, a few bytes at the most. */
export interface TransferDecoder {
  push(piece: Buffer): Buffer;
  /** What was still kept. */
  end(): Buffer;
}

export function transferDecoder(encoding: string): TransferDecoder {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return new Base64();
    case 'quoted-printable':
      return new QuotedPrintable();
    default:
      // 7bit, 8bit, binary; an unknown encoding is kept as it came rather than lost.
      return { push: (piece) => piece, end: () => Buffer.alloc(0) };
  }
}

/** All of it at once. */
export function decodeTransfer(encoding: string, bytes: Buffer): Buffer {
  const decoder = transferDecoder(encoding);
  return Buffer.concat([decoder.push(bytes), decoder.end()]);
}

const pad = 0x3d;
const sixBits = new Uint8Array(256).fill(0);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_') sixBits[char.charCodeAt(0)] = 1;

/** Line breaks and junk are skipped. Padding ends a group, not the whole: mails made of joined pieces have it in the middle. */
class Base64 implements TransferDecoder {
  #kept = Buffer.alloc(0);

  push(piece: Buffer): Buffer {
    const clean = Buffer.allocUnsafe(this.#kept.length + piece.length);
    let length = this.#kept.copy(clean);
    const done: Buffer[] = [];
    for (const byte of piece) {
      if (sixBits[byte] === 1) clean[length++] = byte;
      else if (byte === pad && length > 0) {
        done.push(decoded(clean.subarray(0, length)));
        length = 0;
      }
    }
    const whole = length - (length % 4);
    this.#kept = Buffer.from(clean.subarray(whole, length));
    const last = decoded(clean.subarray(0, whole));
    return done.length === 0 ? last : Buffer.concat([...done, last]);
  }

  end(): Buffer {
    const rest = decoded(this.#kept);
    this.#kept = Buffer.alloc(0);
    return rest;
  }
}

const decoded = (chars: Buffer): Buffer => Buffer.from(chars.toString('latin1'), 'base64');

const [equals, lf, cr, space, tab] = [0x3d, 0x0a, 0x0d, 0x20, 0x09];
/** A line is kept until it ends, since blanks before a line break do not count; a longer one is taken as it comes. */
const maxKept = 100_000;

class QuotedPrintable implements TransferDecoder {
  #kept = Buffer.alloc(0);

  push(piece: Buffer): Buffer {
    const all = this.#kept.length === 0 ? piece : Buffer.concat([this.#kept, piece]);
    const end = all.lastIndexOf(lf) + 1;
    // No end of line in sight: at least no escape is cut in two.
    const cut = end > 0 || all.length < maxKept ? end : wholeEscapes(all);
    this.#kept = Buffer.from(all.subarray(cut));
    return unquoted(all.subarray(0, cut));
  }

  end(): Buffer {
    const rest = unquoted(this.#kept);
    this.#kept = Buffer.alloc(0);
    return rest;
  }
}

/** Where to cut so that no `=XX` is parted. */
function wholeEscapes(bytes: Buffer): number {
  const escape = bytes.lastIndexOf(equals);
  return escape > bytes.length - 3 ? escape : bytes.length;
}

function unquoted(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    const feed = bytes.indexOf(lf, at);
    const next = feed < 0 ? bytes.length : feed + 1;
    let end = feed < 0 ? bytes.length : feed > at && bytes[feed - 1] === cr ? feed - 1 : feed;
    const lineBreak = bytes.subarray(end, next);
    if (feed >= 0) while (end > at && (bytes[end - 1] === space || bytes[end - 1] === tab)) end--;
    const soft = end > at && bytes[end - 1] === equals;
    length = unquoteLine(bytes, at, soft ? end - 1 : end, out, length);
    if (!soft) length += lineBreak.copy(out, length);
    at = next;
  }
  return out.subarray(0, length);
}

/** `=XX` is a byte; an `=` before anything else stands for itself. */
function unquoteLine(bytes: Buffer, from: number, to: number, out: Buffer, start: number): number {
  let length = start;
  for (let at = from; at < to; at++) {
    const [high, low] = bytes[at] === equals && at + 2 < to ? [hex(bytes[at + 1]!), hex(bytes[at + 2]!)] : [-1, -1];
    if (high < 0 || low < 0) out[length++] = bytes[at]!;
    else {
      out[length++] = high * 16 + low;
      at += 2;
    }
  }
  return length;
}

function hex(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
