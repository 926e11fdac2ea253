// REST of attachments: a person's file in, any file out, both streamed and never held.
import { Readable } from 'node:stream';
import { Inject, Req, Res } from '@nestjs/common';
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Fault } from '@rejoinder/base/fault';
import { AttachmentService, type Attachment, type DownloadResponse } from '@rejoinder/contracts/api/attachment';
import { catalogue } from '@rejoinder/contracts/catalogue';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { Peers } from '@rejoinder/runtime/peers';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { GatewaySettings } from '../config.js';
import { TenantId } from '../people/caller.js';
import { refusal } from '../web/problem.js';
import { FromPath, Route, V1 } from '../web/route.js';
import { attachmentDisposition, typeToServe } from './disposition.js';
import { count, ids, text } from './shapes.js';
import { tooLarge, Upload } from './upload.js';

const uploadedSchema = z.object({
  attachment_id: ids.attachment,
  file_name: text('offer.csv'),
  content_type: text('text/csv'),
  size_bytes: count(121),
});

const megabyte = 1_000_000;
/** What a form adds to its one file. */
const formBytes = 20_000;
const uploadTimeoutMs = 600_000;
const downloadTimeoutMs = 900_000;
/** Read and thrown away after a refusal, so that a browser that is still sending gets to see it. */
const maxDiscardedBytes = 200 * megabyte;

@V1('attachments')
export class AttachmentsApi {
  readonly #limitBytes: number;

  constructor(
    private readonly peers: Peers,
    @Inject(SETTINGS) settings: GatewaySettings,
  ) {
    this.#limitBytes = settings.uploadMaxMb * megabyte;
  }

  @Route({
    method: 'POST',
    says: 'Takes a file for a mail that is not sent yet',
    result: 'The file is kept; its id goes into attachment_ids of a mail',
    status: 201,
    takesFile: true,
    answers: uploadedSchema,
    refuses: { 413: [{ code: 'ATTACHMENT_TOO_LARGE', detail: 'A file of more than 25 MB cannot be attached.' }] },
  })
  async upload(@TenantId() tenantId: string, @Req() request: FastifyRequest): Promise<z.infer<typeof uploadedSchema>> {
    try {
      if (Number(request.headers['content-length'] ?? 0) > this.#limitBytes + formBytes) throw tooLarge(this.#limitBytes);
      return await this.#take(tenantId, request);
    } catch (error) {
      if (request.raw.destroyed && !request.raw.complete) throw refusal(400, 'UPLOAD_TRUNCATED', 'The upload broke off.');
      discard(request);
      throw error;
    }
  }

  @Route({
    method: 'GET',
    path: ':attachment_id',
    says: 'The bytes of a file',
    result: 'The file, under its name and as its type where a browser can do nothing with it',
    answers: 'bytes',
    refuses: {
      409: [
        { code: 'PENDING', detail: 'The attachment has not arrived yet.' },
        { code: 'REJECTED', detail: catalogue.PART_TOO_LARGE.sentence },
      ],
    },
  })
  async download(
    @TenantId() tenantId: string,
    @FromPath('attachment_id', ids.attachment) attachmentId: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const options = { deadlineMs: downloadTimeoutMs, signal: gone.signal };
    const steps = this.peers.client(AttachmentService).download({ tenantId, attachmentId }, options)[Symbol.asyncIterator]();
    const first = await steps.next();
    const { step } = first.value ?? {};
    if (step?.case !== 'attachment') throw new Fault('broken', 'DOWNLOAD_BROKEN', 'The file cannot be read just now. Try again.');
    await reply.headers(headersOf(step.value)).send(Readable.from(bytesOf(steps, step.value.sizeBytes), { objectMode: false }));
  }

  async #take(tenantId: string, request: FastifyRequest): Promise<z.infer<typeof uploadedSchema>> {
    const gone = new AbortController();
    request.raw.once('close', () => request.raw.complete || gone.abort());
    const file = await fileOf(request);
    const upload = new Upload({ fileName: file.filename, contentType: file.mimetype, bytes: file.file }, this.#limitBytes);
    const options = { deadlineMs: uploadTimeoutMs, signal: gone.signal };
    const stored = await this.peers.client(AttachmentService).upload(upload.steps(tenantId), options);
    if (stored.state !== AttachmentState.STORED) throw new Fault('too_large', 'ATTACHMENT_REJECTED', 'The file cannot be kept.');
    const { fileName, contentType, sizeBytes } = upload;
    return { attachment_id: stored.attachmentId, file_name: fileName, content_type: contentType, size_bytes: sizeBytes };
  }
}

async function fileOf(request: FastifyRequest): Promise<MultipartFile> {
  const file = await request.file();
  if (!file) throw refusal(400, 'NO_FILE', 'The form has no file.');
  return file;
}

function headersOf({ fileName, contentType, sizeBytes }: Attachment): Record<string, string> {
  return {
    'content-type': typeToServe(contentType),
    'content-length': String(sizeBytes),
    'content-disposition': attachmentDisposition(fileName),
    // Even on its own it may do nothing.
    'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
  };
}

/** All of the bytes or an error: a file that ends early must not look whole. */
async function* bytesOf(steps: AsyncIterator<DownloadResponse>, sizeBytes: bigint): AsyncGenerator<Uint8Array> {
  let sent = 0n;
  try {
    for (let next = await steps.next(); !next.done; next = await steps.next()) {
      const { step } = next.value;
      if (step.case !== 'chunk') throw new Fault('broken', 'DOWNLOAD_BROKEN', 'The file changed while it was read.');
      sent += BigInt(step.value.length);
      yield step.value;
    }
    if (sent !== sizeBytes) throw new Fault('broken', 'DOWNLOAD_BROKEN', 'The file ended early.');
  } finally {
    await steps.return?.();
  }
}

function discard({ raw }: FastifyRequest): void {
  let discarded = 0;
  raw.unpipe();
  raw.on('data', (bytes: Buffer) => {
    discarded += bytes.length;
    if (discarded > maxDiscardedBytes) raw.destroy();
  });
  raw.resume();
}
