// Ends what a test process started when that process is killed and can end nothing itself.
import { spawn } from 'node:child_process';

/**
 * A shell that waits for the end of its input. A test process that is killed cannot stop what it started, but the
 * kernel closes its pipes: then the shell ends the program's group and removes its folders.
 */
export function startGuard(pid: number, folders: string[]): () => void {
  const script = 'trap "" INT HUP; read -r _; p=$1; shift; kill -s KILL -- "-$p" 2>/dev/null; sleep 1; [ $# -gt 0 ] && rm -rf -- "$@"; :';
  const guard = spawn('/bin/sh', ['-c', script, 'guard', String(pid), ...folders], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.once('error', () => {});
  guard.stdin.once('error', () => {});
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return () => guard.kill('SIGKILL');
}
