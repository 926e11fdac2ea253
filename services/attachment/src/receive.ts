// Takes in what an upload streams: counts and hashes it, and tells a whole file from one that is cut, too large or not what its end says.
import { createHash } from 'node:crypto';
import { Fault } from '@rejoinder/base/fault';
import { receivedTooLarge, type SizeLimits } from '@rejoinder/mail/size-rule';

/** One message of the stream after its start, as the contract has it. */
export interface Step {
  step:
    { case: 'start' | undefined } | { case: 'chunk'; value: Uint8Array } | { case: 'end'; value: { sizeBytes: bigint; sha256Hex: string } };
}

export interface Whole {
  sizeBytes: number;
  sha256: Buffer;
}

export const maxChunkBytes = 65_536;

/** One upload's bytes on their way. Only once `whole` is there was all of it received and is it what its end says. */
export class Receiving {
  whole: Whole | undefined;
  /** More bytes came than are ever kept: not a fault of the stream but of what was declared. */
  tooLarge = false;
  readonly #hash = createHash('sha256');
  #sizeBytes = 0;

  constructor(private readonly limits: SizeLimits) {}

  /** The bytes, in order. Throws instead of ending unless the end was seen and agrees: a cancelled stream ends like a complete one. */
  async *bytes(steps: AsyncIterable<Step>): AsyncGenerator<Uint8Array> {
    for await (const { step } of steps) {
      if (step.case === 'end') {
        this.whole = this.#checked(step.value);
        return;
      }
      if (step.case !== 'chunk') throw new Fault('invalid', 'UPLOAD_ORDER', 'An upload is one start, then chunks, then one end.');
      this.#take(step.value);
      if (step.value.length > 0) yield step.value;
    }
    throw truncated();
  }

  #take(chunk: Uint8Array): void {
    if (chunk.length > maxChunkBytes) throw new Fault('invalid', 'CHUNK_TOO_LARGE', `A chunk has ${maxChunkBytes} bytes at the most.`);
    this.#sizeBytes += chunk.length;
    this.tooLarge = receivedTooLarge(this.#sizeBytes, this.limits);
    if (this.tooLarge)
      throw new Fault('too_large', 'ATTACHMENT_TOO_LARGE', `A file of more than ${this.limits.partLimitBytes} bytes is not kept.`);
    this.#hash.update(chunk);
  }

  #checked(end: { sizeBytes: bigint; sha256Hex: string }): Whole {
    const sha256 = this.#hash.digest();
    const agrees = end.sizeBytes === BigInt(this.#sizeBytes) && end.sha256Hex === sha256.toString('hex');
    if (!agrees) throw new Fault('broken', 'UPLOAD_DIFFERS', 'What arrived is not what the end of the upload says: send it again.');
    return { sizeBytes: this.#sizeBytes, sha256 };
  }
}

export function truncated(): Fault {
  return new Fault('broken', 'UPLOAD_TRUNCATED', 'The upload ended without its end: send it again.');
}
