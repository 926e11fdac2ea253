// A house with the attachment role for tests, and the little that uploads and downloads need.
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { newId } from '@rejoinder/base/id';
import { AttachmentService, type UploadRequestSchema } from '@rejoinder/contracts/api/attachment';
import { AttachmentStoredSchema } from '@rejoinder/contracts/events/attachment';
import { MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { AttachmentState } from '@rejoinder/contracts/mail';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';

export type Request = MessageInitShape<typeof UploadRequestSchema>;

export interface AttachmentHouse {
  house: TestHouse;
  /** Moves the clock by so many milliseconds and wakes the workers. */
  moveClock(ms: number): void;
  /** Names of all files in the store's folder. */
  files(): Promise<string[]>;
  /** All bytes of the store's folder. */
  bytesOnDisk(): Promise<Buffer>;
  /** Removes all files of an attachment, or turns one bit of each. */
  loseFiles(attachmentId: string): Promise<void>;
  changeFiles(attachmentId: string): Promise<void>;
  /** Resolves once nothing waits to be deleted. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export async function startAttachmentHouse(env: Record<string, string> = {}): Promise<AttachmentHouse> {
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-files-'));
  let skewMs = 0;
  const clock = { now: () => new Date(Date.now() + skewMs) };
  const house = await startTestHouse({ roles: [role], clock, env: { REJOINDER_STORE: 'disk', REJOINDER_STORE_FOLDER: folder, ...env } });
  const paths = async () =>
    (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const pathsOf = async (attachmentId: string) => (await paths()).filter((path) => path.includes(attachmentId));
  return {
    house,
    moveClock: (ms) => {
      skewMs += ms;
      house.house.wake.wake('attachment', ['attachment', 'orphan']);
    },
    files: async () => (await paths()).map((path) => path.slice(folder.length + 1)).sort(),
    bytesOnDisk: async () => Buffer.concat(await Promise.all((await paths()).map((path) => readFile(path)))),
    loseFiles: async (attachmentId) => {
      for (const path of await pathsOf(attachmentId)) await rm(path);
    },
    changeFiles: async (attachmentId) => {
      for (const path of await pathsOf(attachmentId)) {
        const bytes = await readFile(path);
        bytes[bytes.length >> 1]! ^= 1;
        await writeFile(path, bytes);
      }
    },
    settled: () =>
      settle('deletions to be done', async () => {
        const sql = `select (select count(*) from attachment.orphan)::int + (select count(*) from attachment.attachment where state = 'deleting')::int as waiting`;
        return (await house.query<{ waiting: number }>(sql))[0]!.waiting === 0;
      }).then(() => undefined),
    stop: async () => {
      await house.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const sha256Hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export interface Part {
  tenantId: string;
  /** Empty for a person's file. */
  mailId: string;
  attachmentId: string;
  fileName: string;
  sizeBytes: number;
}

export const newPart = (tenantId: string, of: Partial<Part> = {}): Part => ({
  tenantId,
  mailId: newId(),
  attachmentId: newId(),
  fileName: 'offer.pdf',
  sizeBytes: 1_000,
  ...of,
});

export const declaredOf = ({ attachmentId, fileName, sizeBytes }: Part) => ({
  attachmentId,
  partId: '2',
  fileName,
  contentType: 'application/pdf',
  sizeBytes: BigInt(sizeBytes),
  state: AttachmentState.PENDING,
});

/** The messages of a whole upload. */
export function requestsOf(part: Part, bytes: Buffer, chunkBytes = 65_536): Request[] {
  const { tenantId, mailId } = part;
  const chunks: Request[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes)
    chunks.push({ step: { case: 'chunk', value: bytes.subarray(at, at + chunkBytes) } });
  const start: Request = { step: { case: 'start', value: { tenantId, mailId, declared: declaredOf(part) } } };
  return [start, ...chunks, { step: { case: 'end', value: { sizeBytes: BigInt(bytes.length), sha256Hex: sha256Hex(bytes) } } }];
}

export async function* streamed(requests: Iterable<Request>): AsyncGenerator<Request> {
  yield* requests;
}

export function upload(house: TestHouse, part: Part, bytes: Buffer) {
  return house.peers.client(AttachmentService).upload(streamed(requestsOf(part, bytes)), { deadlineMs: 60_000 });
}

/** What the tests of one file ask of the house that they share. */
export function asking(here: () => AttachmentHouse, bytes: Buffer) {
  const house = () => here().house;
  return {
    upload: (part: Part, of = bytes) => upload(house(), part, of),
    download: (part: Part) => download(house(), part.tenantId, part.attachmentId),
    client: () => house().peers.client(AttachmentService),
    stateOf: async ({ attachmentId }: Part) =>
      (await house().query<{ state: string }>('select state from attachment.attachment where attachment_id = $1', [attachmentId]))[0]
        ?.state,
    storedEvents: async (attachmentId: string) =>
      (await house().published('rejoinder.attachment.v1', AttachmentStoredSchema)).filter((one) => one.attachmentId === attachmentId),
    /** Says that the mail of these parts was captured. */
    capture: (parts: Part[]) =>
      house().publish(
        'rejoinder.sync.v1',
        MailCapturedSchema,
        newId(),
        { mailId: parts[0]!.mailId, attachments: parts.map(declaredOf) },
        1n,
        parts[0]!.tenantId,
      ),
    filesOf: async ({ attachmentId }: Part) => (await here().files()).filter((name) => name.includes(attachmentId)),
  };
}

export async function download(house: TestHouse, tenantId: string, attachmentId: string) {
  const chunks: Uint8Array[] = [];
  let first;
  for await (const { step } of house.peers.client(AttachmentService).download({ tenantId, attachmentId }, { deadlineMs: 60_000 })) {
    if (step.case === 'attachment') first = step.value;
    if (step.case === 'chunk') chunks.push(step.value);
  }
  return { attachment: first, bytes: Buffer.concat(chunks) };
}

/** A wire that can be cut, as when the process at its other end is killed. */
export async function cuttableWire(to: string): Promise<{ address: string; cut(): void; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to.replace('unix:', ''));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, cut, close: () => server.close() };
}
