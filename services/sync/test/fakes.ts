// Honest fakes of the neighbours that sync asks over gRPC: connections, attachment and sending, each on its real socket with the real contract.
import { createHash } from 'node:crypto';
import {
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { AttachmentService, type UploadRequest, type UploadStart } from '@rejoinder/contracts/api/attachment';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { SendingService, type ReadSentMimeRequest } from '@rejoinder/contracts/api/sending';
import { grpcDefinition } from '@rejoinder/contracts/grpc-definition';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { Fault } from '@rejoinder/base/fault';
import { toServiceError } from '@rejoinder/runtime/grpc-faults';
import type { DescService } from '@bufbuild/protobuf';

export interface FakeCredential {
  address: string;
  password: string;
  port: number;
  /** Left out, it is localhost. */
  host?: string;
  version: bigint;
}

export interface Uploaded {
  start: UploadStart;
  sizeBytes: number;
  sha256: string;
  whole: boolean;
}

type Implementation = Record<string, (call: never, answer: never) => void>;

async function serve(address: string, service: DescService, implementation: Implementation): Promise<Server> {
  const server = new Server({ 'grpc.max_receive_message_length': 16_000_000 });
  server.addService(grpcDefinition(service), implementation as never);
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
  return server;
}

/** Gives what stands in `credentials` by inbox. */
export async function serveConnections(address: string, credentials: Map<string, FakeCredential>): Promise<Server> {
  return serve(address, ConnectionsService, {
    GetCredential: ((call: ServerUnaryCall<{ inboxId: string }, object>, answer: sendUnaryData<object>) => {
      const found = credentials.get(call.request.inboxId);
      if (!found) return answer(toServiceError(new Fault('not_found', 'INBOX_NOT_FOUND', 'none')) as never);
      const imap = { host: found.host ?? 'localhost', port: found.port, security: 'tls' };
      answer(null, {
        login: { address: found.address, username: found.address, password: found.password, imap, smtp: imap },
        credentialVersion: found.version,
        displayName: 'Ada',
      });
    }) as never,
  });
}

export interface FakeAttachments {
  server: Server;
  uploads: Uploaded[];
  /** The most uploads that were open at the same time. */
  mostAtOnce: number;
  /** Answers the next uploads with this fault. */
  failing: Fault | undefined;
  limitBytes: number;
}

/** Counts and hashes what comes; a stream without End is no file. */
export async function serveAttachments(address: string): Promise<FakeAttachments> {
  const fake: Omit<FakeAttachments, 'server'> = { uploads: [], mostAtOnce: 0, failing: undefined, limitBytes: 50_000_000 };
  let open = 0;
  const server = await serve(address, AttachmentService, {
    Upload: ((call: ServerReadableStream<UploadRequest, object>, answer: sendUnaryData<object>) => {
      if (fake.failing) return answer(toServiceError(fake.failing) as never);
      fake.mostAtOnce = Math.max(fake.mostAtOnce, ++open);
      void receive(call, fake)
        .finally(() => open--)
        .then(
          (response) => answer(null, response),
          (error: unknown) => answer(toServiceError(error) as never),
        );
    }) as never,
  });
  return Object.assign(fake, { server });
}

async function receive(call: ServerReadableStream<UploadRequest, object>, fake: Omit<FakeAttachments, 'server'>): Promise<object> {
  const hash = createHash('sha256');
  const upload: Uploaded = { start: undefined as never, sizeBytes: 0, sha256: '', whole: false };
  for await (const { step } of call as AsyncIterable<UploadRequest>) {
    if (step.case === 'start') upload.start = step.value;
    if (step.case === 'chunk') {
      if (step.value.length > 65_536) throw new Fault('invalid', 'CHUNK', 'too large a chunk');
      hash.update(step.value);
      upload.sizeBytes += step.value.length;
    }
    if (step.case === 'end') {
      upload.sha256 = hash.digest('hex');
      upload.whole = step.value.sizeBytes === BigInt(upload.sizeBytes) && step.value.sha256Hex === upload.sha256;
    }
  }
  fake.uploads.push(upload);
  const { attachmentId, state, reason } = upload.start.declared!;
  if (state === AttachmentState.REJECTED) return { attachmentId, state, reason };
  if (upload.sizeBytes > fake.limitBytes) return { attachmentId, state: AttachmentState.REJECTED, reason: 'part_too_large' };
  if (!upload.whole) throw new Fault('broken', 'INCOMPLETE', 'no end');
  return { attachmentId, state: AttachmentState.STORED, reason: '' };
}

/** Gives the MIME of sends. */
export async function serveSending(address: string, mimes: Map<string, Buffer>): Promise<Server> {
  return serve(address, SendingService, {
    ReadSentMime: ((call: ServerWritableStream<ReadSentMimeRequest, object>) => {
      const mime = mimes.get(call.request.sendId);
      if (!mime) return call.destroy(Object.assign(new Error('none'), toServiceError(new Fault('not_found', 'SEND_NOT_FOUND', 'none'))));
      for (let at = 0; at < mime.length; at += 65_536) call.write({ chunk: mime.subarray(at, at + 65_536) });
      call.end();
    }) as never,
  });
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
