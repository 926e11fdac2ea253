// Hands out what is known of an attachment, or its bytes: opened on the way, no faster than they are taken.
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { Metadata, ServerWritableStream } from '@grpc/grpc-js';
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { EMPTY, type Observable } from 'rxjs';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fault } from '@rejoinder/base/fault';
import type { AttachmentSchema, DownloadRequest, DownloadResponseSchema, GetAttachmentRequest } from '@rejoinder/contracts/api/attachment';
import type { GetAttachmentResponseSchema } from '@rejoinder/contracts/api/attachment';
import { explain } from '@rejoinder/contracts/catalogue';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { Database } from '@rejoinder/runtime/database';
import type { Logger } from '@rejoinder/runtime/logging';
import { LOGGER } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import { AttachmentStore, forgotten, type Record, type Tx } from './attachment-store.js';
import { bytesPlace, factsOf, factsPlace, needId } from './facts.js';
import { OBJECT_STORE, type ObjectStore } from './object-store.js';

type Step = MessageInitShape<typeof DownloadResponseSchema>;
type Call = ServerWritableStream<DownloadRequest, Step>;

const maxDownloads = 64;
const downloadTimeoutMs = 900_000;
const retryAfterMs = 2_000;

const states: { [state: string]: AttachmentState } = {
  pending: AttachmentState.PENDING,
  stored: AttachmentState.STORED,
  rejected: AttachmentState.REJECTED,
};

@Controller()
export class DownloadApi {
  #downloads = 0;

  constructor(
    private readonly database: Database<Tx>,
    private readonly store: AttachmentStore,
    private readonly vault: Vault,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @GrpcMethod('AttachmentService', 'GetAttachment')
  async getAttachment(request: GetAttachmentRequest): Promise<MessageInitShape<typeof GetAttachmentResponseSchema>> {
    return { attachment: await this.#told(await this.#record(request)) };
  }

  /** Written to the call itself and not given as an Observable, which would be read without end while the client sleeps. */
  @GrpcMethod('AttachmentService', 'Download')
  async download(request: DownloadRequest, _metadata: Metadata, call: Call): Promise<Observable<never>> {
    if (this.#downloads >= maxDownloads)
      throw new Fault('busy', 'DOWNLOADS_BUSY', 'Too many downloads at once: try again shortly.', retryAfterMs);
    this.#downloads++;
    try {
      await this.#send(await this.#record(request), call);
      return EMPTY;
    } finally {
      this.#downloads--;
    }
  }

  /** A client that is gone is no fault of anybody's; one that is too slow is told. */
  async #send(record: Record, call: Call): Promise<void> {
    refuseUnlessStored(record);
    const signal = endOf(call);
    try {
      await this.#stream(record, call, signal);
    } catch (error) {
      if (call.cancelled) return;
      throw signal.aborted ? new Fault('broken', 'DOWNLOAD_SLOW', 'The download took too long and was given up.') : error;
    }
  }

  async #stream(record: Record, call: Call, signal: AbortSignal): Promise<void> {
    const bytes = await this.#bytes(record, signal);
    const opening = this.vault.openStream(bytesPlace(record.tenantId, record.attachmentId));
    await write(call, { step: { case: 'attachment', value: await this.#told(record) } }, signal);
    await pipeline(
      bytes,
      opening,
      async (chunks: AsyncIterable<Uint8Array>) => {
        for await (const chunk of chunks) await write(call, { step: { case: 'chunk', value: chunk } }, signal);
      },
      { signal },
    );
  }

  /** An object that is missing was deleted since its record was read; if the record still says that it is stored, it was lost. */
  async #bytes(record: Record, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    try {
      return await this.objects.get(record.objectKey!, signal);
    } catch (error) {
      if (!(error instanceof Fault && error.kind === 'not_found')) throw error;
      const { attachmentId } = await this.#record(record);
      this.logger.error({ attachmentId }, 'the store has lost the object of an attachment');
      throw new Fault('broken', 'OBJECT_MISSING', 'The store has lost this attachment.');
    }
  }

  async #record({ tenantId, attachmentId }: { tenantId: string; attachmentId: string }): Promise<Record> {
    needId('attachment_id', attachmentId);
    const tenant = needId('tenant_id', tenantId);
    const record = await this.database.read({ tenant }, (tx) => this.store.find(tx, tenant, attachmentId));
    if (!record || record.state === 'deleting') throw forgotten();
    return record;
  }

  async #told(record: Record): Promise<MessageInitShape<typeof AttachmentSchema>> {
    const { tenantId, attachmentId, mailId, sizeBytes, declaredSizeBytes, sha256, reason } = record;
    const facts = factsOf(await this.vault.open(factsPlace(tenantId, attachmentId), record.sealedFacts)).reveal();
    const sha256Hex = sha256 ? Buffer.from(sha256).toString('hex') : '';
    return {
      attachmentId,
      mailId: mailId ?? '',
      ...facts,
      sizeBytes: sizeBytes ?? declaredSizeBytes,
      sha256Hex,
      state: states[record.state],
      reason,
    };
  }
}

function refuseUnlessStored({ state, reason }: Record): void {
  if (state === 'pending') throw new Fault('gone', 'PENDING', 'The attachment has not arrived yet.');
  if (state === 'rejected') throw new Fault('gone', 'REJECTED', explain(reason)?.sentence ?? 'The attachment is not kept.');
}

async function write(call: Call, step: Step, signal: AbortSignal): Promise<void> {
  if (!call.write(step)) await once(call, 'drain', { signal });
}

/** Fires when the client is gone or has taken too long. */
function endOf(call: Call): AbortSignal {
  const gone = new AbortController();
  call.once('cancelled', () => gone.abort());
  if (call.cancelled) gone.abort();
  return AbortSignal.any([gone.signal, AbortSignal.timeout(downloadTimeoutMs)]);
}
