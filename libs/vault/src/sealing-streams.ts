// Streams that seal and open files of any length in the memory of one chunk.
import { randomBytes } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import type { OpenedKey } from './opened-key.js';
import { tooLarge } from './sealing-faults.js';
import {
  chunkBytes,
  maxStreamBytes,
  saltBytes,
  sealedChunkBytes,
  sealedSize,
  StreamCipher,
  streamHeader,
  streamHeaderBytes,
} from './stream-format.js';

export type KeySource = () => Promise<OpenedKey>;

/** Seals what is written to it; its last chunk says that it is the last. */
export function sealingStream(binding: Uint8Array, find: KeySource): Transform {
  const chunk = new Filling(chunkBytes);
  let cipher: StreamCipher | undefined;
  const begin = (key: OpenedKey, output: Transform) => {
    const header = streamHeader(key, randomBytes(saltBytes));
    output.push(header);
    return new StreamCipher(key, header, binding);
  };
  return keyedTransform(find, maxStreamBytes, {
    data(key, bytes, output) {
      cipher ??= begin(key, output);
      for (let rest = bytes; rest.length > 0; rest = chunk.take(rest)) {
        // A full chunk waits for the next byte, since it might be the last.
        if (chunk.isFull) output.push(cipher.seal(chunk.empty(), false));
      }
    },
    end(key, output) {
      cipher ??= begin(key, output);
      output.push(cipher.seal(chunk.empty(), true));
    },
  });
}

/**
 * Opens what is written to it, chunk by chunk: each is genuine and in its place, but only the end of the stream says that nothing is
 * missing. Cut, reordered or lengthened, the stream is destroyed with a broken Fault SEAL_BROKEN instead of ending.
 */
export function openingStream(binding: Uint8Array, find: KeySource): Transform {
  const header = new Filling(streamHeaderBytes);
  const chunk = new Filling(sealedChunkBytes);
  let cipher: StreamCipher | undefined;
  return keyedTransform(find, sealedSize(maxStreamBytes), {
    data(key, bytes, output) {
      for (let rest = cipher ? bytes : header.take(bytes); rest.length > 0; rest = chunk.take(rest)) {
        cipher ??= new StreamCipher(key, header.empty(), binding);
        if (chunk.isFull) output.push(cipher.open(chunk.empty(), false));
      }
    },
    end(key, output) {
      cipher ??= new StreamCipher(key, header.empty(), binding);
      output.push(cipher.open(chunk.empty(), true));
    },
  });
}

interface Steps {
  data(key: OpenedKey, bytes: Buffer, output: Transform): void;
  end(key: OpenedKey, output: Transform): void;
}

/** A Transform that has its key before its first byte, and is destroyed by whatever its steps throw. */
function keyedTransform(find: KeySource, maxBytes: number, steps: Steps): Transform {
  let key: OpenedKey;
  let taken = 0;
  const guarded = (done: TransformCallback, work: () => void) => {
    try {
      work();
    } catch (error) {
      return done(error as Error);
    }
    done();
  };
  return new Transform({
    construct(done) {
      find().then((found) => {
        key = found;
        done();
      }, done);
    },
    transform(bytes: Buffer, _, done) {
      taken += bytes.length;
      guarded(done, () => {
        if (taken > maxBytes) throw tooLarge('A stream', maxBytes);
        steps.data(key, bytes, this);
      });
    },
    flush(done) {
      guarded(done, () => steps.end(key, this));
    },
  });
}

/** A buffer that is filled from pieces of any size, and used again once it was emptied. */
class Filling {
  readonly #bytes: Buffer;
  #filled = 0;

  constructor(size: number) {
    this.#bytes = Buffer.alloc(size);
  }

  get isFull(): boolean {
    return this.#filled === this.#bytes.length;
  }

  /** Takes what fits, and answers the rest. */
  take(piece: Buffer): Buffer {
    const taken = piece.copy(this.#bytes, this.#filled);
    this.#filled += taken;
    return piece.subarray(taken);
  }

  /** What is in it: valid until the next take. */
  empty(): Buffer {
    const content = this.#bytes.subarray(0, this.#filled);
    this.#filled = 0;
    return content;
  }
}
