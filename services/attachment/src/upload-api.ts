// Takes uploads in: asks whether the file may come, streams it sealed into the store, and has it stored only once it is whole.
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { sendUnaryData, ServerReadableStream } from '@grpc/grpc-js';
import { Controller, Inject } from '@nestjs/common';
import { GrpcStreamCall } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { newId } from '@rejoinder/base/id';
import type { UploadRequest, UploadResponseSchema, UploadStart } from '@rejoinder/contracts/api/attachment';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { DEFAULT_SIZE_LIMITS, type SizeLimits } from '@rejoinder/mail/size-rule';
import { Database } from '@rejoinder/runtime/database';
import { toServiceError } from '@rejoinder/runtime/grpc-faults';
import type { Logger } from '@rejoinder/runtime/logging';
import { CLOCK, LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import { Vault } from '@rejoinder/vault/vault';
import { AttachmentStore, forgotten, type Record, type Tx, type UploadAt } from './attachment-store.js';
import type { AttachmentSettings } from './config.js';
import { bytesPlace, factsBytes, factsPlace, needId } from './facts.js';
import { OBJECT_STORE, type ObjectStore } from './object-store.js';
import { Receiving, truncated, type Step } from './receive.js';

type Response = MessageInitShape<typeof UploadResponseSchema>;
type Call = ServerReadableStream<UploadRequest, Response>;

/** Each holds one part of the store's in memory. */
const maxUploads = 12;
const uploadTimeoutMs = 600_000;
/** An object that is still nobody's after this belongs to no upload any more. */
const orphanAfterMs = 1_800_000;
const retryAfterMs = 2_000;
const hourMs = 3_600_000;

@Controller()
export class UploadApi {
  #uploads = 0;

  constructor(
    private readonly database: Database<Tx>,
    private readonly store: AttachmentStore,
    private readonly vault: Vault,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    @Inject(SETTINGS) private readonly settings: AttachmentSettings,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** The raw call: it alone can be answered before its stream has ended. No filter stands behind it. */
  @GrpcStreamCall('AttachmentService', 'Upload')
  async upload(call: Call, answer: sendUnaryData<Response>): Promise<void> {
    const signal = endOf(call);
    try {
      answer(null, await this.#admit(call, signal));
    } catch (error) {
      const fault = signal.aborted ? truncated() : error;
      if (!(fault instanceof Fault)) this.logger.error({ error }, 'an upload failed');
      answer(toServiceError(fault), null);
    }
  }

  async #admit(call: Call, signal: AbortSignal): Promise<Response> {
    if (this.#uploads >= maxUploads) throw new Fault('busy', 'UPLOADS_BUSY', 'Too many uploads at once: try again shortly.', retryAfterMs);
    this.#uploads++;
    try {
      return await this.#take(call[Symbol.asyncIterator]() as AsyncIterableIterator<UploadRequest>, signal);
    } finally {
      this.#uploads--;
    }
  }

  async #take(steps: AsyncIterableIterator<UploadRequest>, signal: AbortSignal): Promise<Response> {
    const first = await steps.next();
    const start = first.done ? undefined : first.value.step;
    if (start?.case !== 'start') throw new Fault('invalid', 'UPLOAD_ORDER', 'An upload begins with its start.');
    const { at, record } = await this.#begin(start.value);
    if (record.state !== 'pending') return responseOf(record);
    const receiving = new Receiving(this.#limits());
    try {
      await this.#put(at, receiving.bytes(steps as AsyncIterable<Step>), signal);
      return responseOf(await this.#finish(at, receiving));
    } catch (error) {
      return await this.#giveUp(at, receiving, record, error);
    }
  }

  /** The record is there and so is the row of the object to be, before a byte of it is. */
  async #begin(start: UploadStart): Promise<{ at: UploadAt; record: Record }> {
    const tenantId = needId('tenant_id', start.tenantId);
    const mailId = start.mailId === '' ? null : needId('mail_id', start.mailId);
    const { declared } = start;
    if (!declared || declared.sizeBytes < 0n) throw new Fault('invalid', 'DECLARED', 'An upload declares its file.');
    if (!mailId) this.#refusePersonsFile(declared);
    const attachmentId = mailId ? needId('attachment_id', declared.attachmentId) : newId();
    const at = { tenantId, attachmentId, objectKey: `${tenantId}/${attachmentId}/${newId()}` };
    const sealedFacts = await this.vault.seal(factsPlace(tenantId, attachmentId), factsBytes(declared));
    const rejectedReason = declared.state === AttachmentState.REJECTED ? declared.reason || 'gone' : '';
    const record = await this.database.write({ tenant: tenantId }, async (tx) => {
      await this.store.declare(tx, [
        { tenantId, attachmentId, mailId, rejectedReason, sizeBytes: declared.sizeBytes, sealedFacts, historical: false },
      ]);
      const found = await this.store.find(tx, tenantId, attachmentId);
      if (!found || found.state === 'deleting') throw forgotten();
      if (found.mailId !== mailId) throw new Fault('conflict', 'OTHER_MAIL', 'This attachment belongs to another mail.');
      if (found.state !== 'pending') return found;
      // Declared before as to come, and now not to be had any more.
      if (rejectedReason) return this.store.reject(tx, at, 'gone');
      await this.store.begin(tx, at, new Date(this.clock.now().getTime() + orphanAfterMs));
      return found;
    });
    return { at, record };
  }

  #refusePersonsFile({ attachmentId, sizeBytes }: { attachmentId: string; sizeBytes: bigint }): void {
    if (attachmentId !== '') throw new Fault('invalid', 'ATTACHMENT_ID', 'The id of a file without a mail is made here: leave it out.');
    if (sizeBytes > this.settings.partLimitBytes) {
      throw new Fault('too_large', 'ATTACHMENT_TOO_LARGE', `A file of more than ${this.settings.partLimitBytes} bytes is not kept.`);
    }
  }

  /** Received, sealed and stored side by side; each waits for the slowest. Whichever fails takes the others along. */
  async #put({ tenantId, attachmentId, objectKey }: UploadAt, bytes: AsyncGenerator<Uint8Array>, signal: AbortSignal): Promise<void> {
    const sealing: Transform = this.vault.sealStream(bytesPlace(tenantId, attachmentId));
    const received = pipeline(Readable.from(bytes, { objectMode: true, highWaterMark: 1 }), sealing, { signal });
    const stored = this.objects.put(objectKey, sealing, signal).catch((error: Error) => {
      sealing.destroy(error);
      throw error;
    });
    const [first, second] = await Promise.allSettled([received, stored]);
    if (first.status === 'rejected') throw first.reason;
    if (second.status === 'rejected') throw second.reason;
  }

  async #finish(at: UploadAt, { whole }: Receiving): Promise<Record> {
    if (!whole) throw truncated();
    const expiresAt = new Date(this.clock.now().getTime() + this.settings.unsentHours * hourMs);
    const record = await this.database.write({ tenant: at.tenantId }, async (tx) => {
      const settled = await this.store.finish(tx, at, whole, expiresAt);
      if (settled.objectKey !== at.objectKey) await this.store.abandon(tx, at);
      return settled;
    });
    this.logger.info({ attachmentId: at.attachmentId, sizeBytes: whole.sizeBytes, state: record.state }, 'received');
    return record;
  }

  /** A file that lied about its size is rejected for good; anything else may be sent again. */
  async #giveUp(at: UploadAt, receiving: Receiving, { mailId, declaredSizeBytes }: Record, error: unknown): Promise<Response> {
    const scope = { tenant: at.tenantId };
    if (receiving.tooLarge && mailId) {
      const reason = declaredSizeBytes > this.settings.partLimitBytes ? 'part_too_large' : 'declaration_lied';
      this.logger.info({ attachmentId: at.attachmentId, reason }, 'rejected');
      return responseOf(await this.database.write(scope, (tx) => this.store.reject(tx, at, reason)));
    }
    await this.database.write(scope, (tx) => this.store.abandon(tx, at));
    throw error;
  }

  #limits(): SizeLimits {
    return { ...DEFAULT_SIZE_LIMITS, partLimitBytes: this.settings.partLimitBytes };
  }
}

function responseOf({ attachmentId, state, reason }: Record): Response {
  if (state === 'stored') return { attachmentId, state: AttachmentState.STORED };
  return { attachmentId, state: AttachmentState.REJECTED, reason };
}

/** Fires when the client is gone or time is up; then nothing more is waited for, since a cancelled stream would end like a complete one. */
function endOf(call: Call): AbortSignal {
  const gone = new AbortController();
  call.once('cancelled', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(uploadTimeoutMs)]);
  signal.addEventListener('abort', () => call.destroy(), { once: true });
  return signal;
}
