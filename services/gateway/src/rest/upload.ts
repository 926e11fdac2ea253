// The one file of a multipart request as the steps of an upload: counted, hashed and cut into chunks as it passes.
import { createHash } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fault } from '@rejoinder/base/fault';
import type { UploadRequestSchema } from '@rejoinder/contracts/api/attachment';
import { safeFileName } from '@rejoinder/mail/file-name';

export type UploadStep = MessageInitShape<typeof UploadRequestSchema>;

export interface UploadedFile {
  fileName: string;
  contentType: string;
  bytes: AsyncIterable<Uint8Array>;
}

const maxChunkBytes = 65_536;
const maxContentType = 100;
const typeForm = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;

export const tooLarge = (limitBytes: number) =>
  new Fault('too_large', 'ATTACHMENT_TOO_LARGE', `A file of more than ${limitBytes / 1_000_000} MB cannot be attached.`);

/** Counts what has passed, for the answer. */
export class Upload {
  sizeBytes = 0;
  readonly fileName: string;
  readonly contentType: string;

  constructor(
    private readonly file: UploadedFile,
    private readonly limitBytes: number,
  ) {
    const type = file.contentType.trim().toLowerCase();
    this.fileName = safeFileName(file.fileName) ?? 'attachment';
    this.contentType = type.length <= maxContentType && typeForm.test(type) ? type : 'application/octet-stream';
  }

  /** Start, chunks, and an end only once the whole file was there: a stream without an end is never taken for a file. */
  async *steps(tenantId: string): AsyncGenerator<UploadStep> {
    const { fileName, contentType } = this;
    yield { step: { case: 'start', value: { tenantId, declared: { fileName, contentType } } } };
    const hash = createHash('sha256');
    for await (const bytes of this.file.bytes) {
      this.sizeBytes += bytes.length;
      if (this.sizeBytes > this.limitBytes) throw tooLarge(this.limitBytes);
      hash.update(bytes);
      for (let at = 0; at < bytes.length; at += maxChunkBytes) {
        yield { step: { case: 'chunk', value: bytes.subarray(at, at + maxChunkBytes) } };
      }
    }
    yield { step: { case: 'end', value: { sizeBytes: BigInt(this.sizeBytes), sha256Hex: hash.digest('hex') } } };
  }
}
