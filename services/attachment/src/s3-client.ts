// The store in an S3 bucket: parts of bounded size with checksums, and nothing left behind by an upload that fails.
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  AbortMultipartUploadCommand,
} from '@aws-sdk/client-s3';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { ListObjectVersionsCommand, PutObjectCommand, S3Client, S3ServiceException, type CompletedPart } from '@aws-sdk/client-s3';
import { Fault } from '@rejoinder/base/fault';
import type { AttachmentSettings } from './config.js';
import { checkedKey, objectMissing, type ObjectStore, type StoredObject } from './object-store.js';

/** An upload holds one part at a time. S3 takes at least 5 MiB and at most 10,000 of them. */
export const partBytes = 8_000_000;
/** Three of these for each step of a deletion stay within the lease of its worker. */
const requestTimeoutMs = 30_000;
const connectTimeoutMs = 5_000;
const attempts = 3;
const maxLeftovers = 1_000;

type S3Settings = Pick<AttachmentSettings, 's3Endpoint' | 's3Region' | 's3Bucket' | 's3AccessKeyId' | 's3SecretAccessKey' | 's3PathStyle'>;

export class S3ObjectStore implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(settings: S3Settings, timeoutMs = requestTimeoutMs) {
    const { s3Endpoint: endpoint, s3AccessKeyId: accessKeyId, s3SecretAccessKey: secret } = settings;
    this.#bucket = settings.s3Bucket;
    this.#client = new S3Client({
      endpoint,
      region: settings.s3Region,
      credentials: accessKeyId ? { accessKeyId, secretAccessKey: secret.reveal() } : undefined,
      forcePathStyle: settings.s3PathStyle === 'on',
      maxAttempts: attempts,
      // Without the last of these the SDK only warns, and goes on waiting.
      requestHandler: {
        connectionTimeout: connectTimeoutMs,
        requestTimeout: timeoutMs,
        socketTimeout: timeoutMs,
        throwOnRequestTimeout: true,
      },
    });
  }

  /** What fits in one part is one request; else a multipart upload, which is aborted if anything fails. */
  async put(key: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const at = this.#at(key);
    const parts = inParts(body);
    const first = await parts.next();
    const bytes = first.value ?? Buffer.alloc(0);
    if (bytes.length < partBytes) {
      signal.throwIfAborted();
      await asked(
        'put',
        this.#client.send(new PutObjectCommand({ ...at, Body: bytes, ChecksumAlgorithm: 'CRC32' }), { abortSignal: signal }),
      );
      return;
    }
    await this.#putParts(at, bytes, parts, signal);
  }

  async get(key: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { Body } = await asked('get', this.#client.send(new GetObjectCommand(this.#at(key)), { abortSignal: signal }));
    return readOn(Body as unknown as AsyncIterable<Uint8Array>);
  }

  async remove(key: string): Promise<void> {
    const at = this.#at(key);
    const of = { Bucket: this.#bucket, Prefix: key, MaxUploads: maxLeftovers };
    const { Uploads = [] } = await asked('list uploads', this.#client.send(new ListMultipartUploadsCommand(of)));
    for (const { UploadId } of Uploads) await this.#abort(at, UploadId!);
    await asked('delete', this.#client.send(new DeleteObjectCommand(at)));
    for (const VersionId of await this.#versions(key))
      await asked('delete', this.#client.send(new DeleteObjectCommand({ ...at, VersionId })));
  }

  async has(key: string): Promise<boolean> {
    try {
      await asked('head', this.#client.send(new HeadObjectCommand(this.#at(key))));
      return true;
    } catch (error) {
      if (error instanceof Fault && error.kind === 'not_found') return false;
      throw error;
    }
  }

  async list(after: string, limit: number): Promise<StoredObject[]> {
    const objects: StoredObject[] = [];
    for (let token: string | undefined, more = true; more && objects.length < limit; more = token !== undefined) {
      const page = {
        Bucket: this.#bucket,
        StartAfter: after || undefined,
        ContinuationToken: token,
        MaxKeys: Math.min(1_000, limit - objects.length),
      };
      const { Contents = [], NextContinuationToken } = await asked('list', this.#client.send(new ListObjectsV2Command(page)));
      objects.push(
        ...Contents.map(({ Key, Size, LastModified }) => ({ key: Key!, sizeBytes: Size ?? 0, since: LastModified ?? new Date(0) })),
      );
      token = NextContinuationToken;
    }
    return objects;
  }

  onModuleDestroy(): void {
    this.#client.destroy();
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: checkedKey(key) };
  }

  async #putParts(at: { Bucket: string; Key: string }, first: Buffer, rest: AsyncIterator<Buffer>, signal: AbortSignal): Promise<void> {
    const options = { abortSignal: signal };
    const { UploadId } = await asked(
      'begin',
      this.#client.send(new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'CRC32' }), options),
    );
    try {
      const done: CompletedPart[] = [];
      for (let part: Buffer | undefined = first; part; part = (await rest.next()).value as Buffer | undefined) {
        const PartNumber = done.length + 1;
        const step = { ...at, UploadId, PartNumber, Body: part, ChecksumAlgorithm: 'CRC32' } as const;
        const { ETag, ChecksumCRC32 } = await asked('put part', this.#client.send(new UploadPartCommand(step), options));
        done.push({ ETag, ChecksumCRC32, PartNumber });
      }
      signal.throwIfAborted();
      await asked(
        'complete',
        this.#client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: done } }), options),
      );
    } catch (error) {
      await rest.return?.();
      await this.#abort(at, UploadId!);
      throw error;
    }
  }

  async #abort(at: { Bucket: string; Key: string }, UploadId: string): Promise<void> {
    await asked('abort', this.#client.send(new AbortMultipartUploadCommand({ ...at, UploadId }))).catch(unlessMissing);
  }

  /** Where the bucket keeps versions, deleting alone would only hide the object. Servers without versions answer that they know none. */
  async #versions(key: string): Promise<string[]> {
    try {
      const of = { Bucket: this.#bucket, Prefix: key, MaxKeys: maxLeftovers };
      const { Versions = [], DeleteMarkers = [] } = await asked('list versions', this.#client.send(new ListObjectVersionsCommand(of)));
      return [...Versions, ...DeleteMarkers].map(({ VersionId }) => VersionId).filter((id) => id !== undefined);
    } catch (error) {
      if (error instanceof Fault && error.code === 'STORE_UNABLE') return [];
      throw error;
    }
  }
}

/** Pieces gathered into parts of full size but the last; one part's memory, so the taker is done with one before it asks for the next. */
async function* inParts(body: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  let part = Buffer.allocUnsafe(0);
  let filled = 0;
  for await (const piece of body) {
    for (let from = 0; from < piece.length;) {
      if (part.length < partBytes && filled + piece.length - from > part.length) part = grown(part, filled, piece.length - from);
      const taken = Math.min(piece.length - from, part.length - filled);
      part.set(piece.subarray(from, from + taken), filled);
      [from, filled] = [from + taken, filled + taken];
      if (filled === partBytes) {
        yield part;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
  return undefined;
}

/** Doubles, so that a small file costs no whole part. */
function grown(part: Buffer, filled: number, more: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(Math.min(partBytes, Math.max(filled + more, part.length * 2)));
  part.copy(larger, 0, 0, filled);
  return larger;
}

/** The server's own words stay here; what goes up is a Fault. */
async function asked<T>(what: string, request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
    if (status === 404 && (error as Error).name !== 'NoSuchBucket') throw objectMissing();
    if (status === 501) throw new Fault('broken', 'STORE_UNABLE', `The store cannot ${what}.`);
    if (status !== undefined && status < 500)
      throw new Fault('broken', 'STORE_REFUSED', `The store refused to ${what} (HTTP ${status}): look at bucket and access key.`);
    throw new Fault('broken', 'STORE_UNREACHABLE', `The store did not ${what}.`);
  }
}

/** A connection may break after the answer has begun, too. */
async function* readOn(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]();
  try {
    for (let next = await asked('read', pieces.next()); !next.done; next = await asked('read', pieces.next())) yield next.value;
  } finally {
    await pieces.return?.();
  }
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Fault && error.kind === 'not_found')) throw error;
}
