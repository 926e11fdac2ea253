// The header of a mail that a stranger sends, before anybody works on it: bounded, and with no more signatures than are worth checking.
import { Fault } from '@rejoinder/base/fault';

/** Mail of people and of lists has less than a tenth of it. */
export const maxHeadBytes = 256_000;
/** RFC 6376 §6.1 leaves it to the verifier how many are looked at; each may want a look at DNS and a hash of the body. */
const maxSignatures = 10;
const headEnd = /\r?\n\r?\n/;
const signature = /^dkim-signature[ \t]*:/i;
/** Signs the first bytes of the body alone, which proves nothing of the rest (§8.2); one hash of the body for each length there is. */
const partial = /[:;]\s*l\s*=/i;

/** Holds the header back until it is whole. */
export class HeadReader {
  #held: Buffer[] = [];
  #bytes = 0;
  #head: Buffer | undefined;

  get isWhole(): boolean {
    return this.#head !== undefined;
  }

  /** The header as it came; what there is of it before it is whole. */
  get head(): Buffer {
    return this.#head ?? Buffer.concat(this.#held);
  }

  /** What may be worked on by now: nothing while the header is not whole. Refuses (too_large, HEADER_TOO_LARGE) one that will not end. */
  take(piece: Buffer): Buffer[] {
    if (this.#head) return [piece];
    this.#held.push(piece);
    this.#bytes += piece.length;
    const held = Buffer.concat(this.#held);
    const end = headEnd.exec(held.toString('latin1', 0, maxHeadBytes + 4));
    if (!end && this.#bytes > maxHeadBytes) throw new Fault('too_large', 'HEADER_TOO_LARGE', 'The header is too large.');
    return end ? this.#whole(held, end.index + end[0].length) : [];
  }

  /** The mail has ended: one without a body is a header alone. */
  end(): Buffer[] {
    return this.#head ? [] : this.#whole(Buffer.concat(this.#held), this.#bytes);
  }

  #whole(held: Buffer, length: number): Buffer[] {
    this.#head = held.subarray(0, length);
    this.#held = [];
    return [withFewSignatures(this.#head), held.subarray(length)];
  }
}

/** Leaves out the signatures that nobody is going to believe. */
export function withFewSignatures(head: Buffer): Buffer {
  const fields = head.toString('latin1').split(/(?<=\n)(?![ \t])/);
  let count = 0;
  const kept = fields.filter((field) => !signature.test(field) || (++count <= maxSignatures && !partial.test(field)));
  return Buffer.from(kept.join(''), 'latin1');
}
