// Stands in for connections and attachment at their gRPC contracts, on the sockets where sending looks for them.
import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { createHash } from 'node:crypto';
import { AttachmentService } from '@rejoinder/contracts/api/attachment';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { grpcDefinition } from '@rejoinder/contracts/grpc-definition';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { newId } from '@rejoinder/base/id';

export interface KnownInbox {
  tenantId: string;
  inboxId: string;
  address: string;
  displayName: string;
  password: string;
  version: bigint;
  smtp: { host: string; port: number; security: string };
}

export interface StoredFile {
  attachmentId: string;
  fileName: string;
  contentType: string;
  bytes: Buffer;
  mailId: string;
  /** Breaks off the next download after this many bytes. */
  breakAfter?: number;
}

export interface Peers {
  inboxes: Map<string, KnownInbox>;
  files: Map<string, StoredFile>;
  addFile(file: Partial<StoredFile>): StoredFile;
  stop(): void;
}

type Unary = (call: ServerUnaryCall<Record<string, string>, object>, done: sendUnaryData<object>) => void;

export async function startPeers(addressOf: (service: 'connections' | 'attachment') => string): Promise<Peers> {
  const inboxes = new Map<string, KnownInbox>();
  const files = new Map<string, StoredFile>();
  const known = (request: Record<string, string>) => {
    const inbox = inboxes.get(request['inboxId']!);
    return inbox?.tenantId === request['tenantId'] ? inbox : undefined;
  };
  const missing = { code: status.NOT_FOUND, details: 'there is no such thing' };
  const getInbox: Unary = ({ request }, done) => {
    const inbox = known(request);
    return inbox ? done(null, { inbox }) : done(missing);
  };
  const getCredential: Unary = ({ request }, done) => {
    const inbox = known(request);
    if (!inbox) return done(missing);
    const { address, smtp, version, displayName } = inbox;
    const password = request['protocol'] === 'smtp' ? inbox.password : 'of receiving alone';
    return done(null, { login: { address, username: address, password, smtp, imap: smtp }, credentialVersion: version, displayName });
  };
  const getAttachment: Unary = ({ request }, done) => {
    const file = files.get(request['attachmentId']!);
    return file ? done(null, { attachment: shown(file) }) : done(missing);
  };
  const download = (call: ServerWritableStream<Record<string, string>, object>) => {
    const file = files.get(call.request['attachmentId']!);
    if (!file) return void call.emit('error', missing);
    const { breakAfter } = file;
    delete file.breakAfter;
    call.write({ step: { case: 'attachment', value: shown(file) } });
    const bytes = breakAfter === undefined ? file.bytes : file.bytes.subarray(0, breakAfter);
    for (let at = 0; at < bytes.length; at += 65_536) call.write({ step: { case: 'chunk', value: bytes.subarray(at, at + 65_536) } });
    if (breakAfter === undefined) call.end();
    else call.emit('error', { code: status.UNAVAILABLE, details: 'the store broke' });
  };
  const createReconnectLink: Unary = ({ request }, done) => {
    const inbox = known(request);
    if (!inbox) return done(missing);
    return done(null, { token: `token-of-${inbox.inboxId}`, address: inbox.address, expiresAt: { seconds: 1_800_000_000n, nanos: 0 } });
  };
  const connections = await serve(addressOf('connections'), ConnectionsService, {
    GetInbox: getInbox,
    GetCredential: getCredential,
    CreateReconnectLink: createReconnectLink,
  });
  const attachment = await serve(addressOf('attachment'), AttachmentService, { GetAttachment: getAttachment, Download: download });
  const addFile = (file: Partial<StoredFile>) => {
    const stored = {
      attachmentId: newId(),
      fileName: 'offer.pdf',
      contentType: 'application/pdf',
      bytes: Buffer.from('%PDF-1.7'),
      mailId: '',
      ...file,
    };
    files.set(stored.attachmentId, stored);
    return stored;
  };
  const stop = () => {
    connections.forceShutdown();
    attachment.forceShutdown();
  };
  return { inboxes, files, addFile, stop };
}

function shown({ bytes, ...file }: StoredFile) {
  return {
    ...file,
    sizeBytes: BigInt(bytes.length),
    sha256Hex: createHash('sha256').update(bytes).digest('hex'),
    state: AttachmentState.STORED,
  };
}

async function serve(address: string, service: Parameters<typeof grpcDefinition>[0], methods: Record<string, unknown>): Promise<Server> {
  const server = new Server();
  server.addService(grpcDefinition(service), methods as never);
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
  return server;
}
