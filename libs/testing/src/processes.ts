// Starts programs as process groups of their own, waits until they answer, and ends them whatever happens.
import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { startGuard } from './guard.js';
import { settle } from './settle.js';

const KEPT_OUTPUT = 8 * 1024 * 1024;
/** Stands where output was too long to be kept whole. */
export const DROPPED_OUTPUT = '[earlier output was dropped]';
const SHOWN_OUTPUT = 4_000;
const KILL_TIMEOUT_MS = 10_000;

export interface ProgramOptions {
  name: string;
  command: string;
  args: string[];
  cwd?: string;
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
  /** Folders to remove if this process dies without having stopped the program. */
  folders?: string[];
}

export interface Program {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<void>;
  running(): boolean;
  output(): string;
  signal(signal: NodeJS.Signals): void;
  /** Sends `signal`, and SIGKILL to the whole group if the program has not ended within `timeoutMs`. */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<void>;
}

export function startProgram(options: ProgramOptions): Program {
  const { name, command, args, uid, gid } = options;
  const child = spawn(command, args, {
    cwd: options.cwd ?? '/',
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const output = keepOutput(child);
  const { exited, running } = watch(child, (end) => output.add(`[${name} ended: ${end}]\n`));
  if (child.pid !== undefined) void exited.then(startGuard(child.pid, options.folders ?? []));
  const signal = (which: NodeJS.Signals) => {
    if (running() && child.pid !== undefined) signalGroup(child.pid, which);
  };
  const program = { name, pid: child.pid ?? -1, exited, running, output: output.text, signal };
  return { ...program, stop: (which = 'SIGTERM', timeoutMs = KILL_TIMEOUT_MS) => stopProgram(program, which, timeoutMs) };
}

function watch(child: ChildProcess, told: (end: string) => void): Pick<Program, 'exited' | 'running'> {
  let running = true;
  const exited = new Promise<void>((resolve) => {
    const end = (how: string) => {
      running = false;
      told(how);
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(signal ?? `code ${code}`));
  });
  return { exited, running: () => running };
}

async function stopProgram(program: Omit<Program, 'stop'>, which: NodeJS.Signals, timeoutMs: number): Promise<void> {
  program.signal(which);
  program.signal('SIGCONT');
  if (await endsWithin(program.exited, timeoutMs)) return;
  program.signal('SIGKILL');
  if (!(await endsWithin(program.exited, KILL_TIMEOUT_MS))) throw new Error(`${program.name} is still there after SIGKILL`);
}

async function endsWithin(exited: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([exited.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A polite signal goes to the leader alone, which ends its children in the order it knows. */
const WHOLE_GROUP = new Set<NodeJS.Signals>(['SIGKILL', 'SIGSTOP', 'SIGCONT']);

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(WHOLE_GROUP.has(signal) ? -pid : pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function keepOutput(child: ChildProcess): { add(text: string): void; text(): string } {
  let kept = '';
  const add = (text: string) => {
    kept += text;
    if (kept.length > KEPT_OUTPUT) kept = `${DROPPED_OUTPUT}\n${kept.slice(-KEPT_OUTPUT / 2)}`;
  };
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', add);
  return { add, text: () => kept };
}

const noLog = (): Promise<string> => Promise.resolve('');

export interface ReadyOptions {
  timeoutMs?: number;
  /** What to do if the program is missing or too old. */
  hint?: string;
  /** What it wrote elsewhere than to its output. */
  log?: () => Promise<string>;
}

/** Waits until `probe` succeeds; if the program ends or time runs out, the error shows what the program said. */
export async function ready(
  program: Program,
  probe: () => Promise<unknown>,
  { timeoutMs = 30_000, hint = '', log = noLog }: ReadyOptions = {},
): Promise<void> {
  let lastError: unknown;
  const look = async () => {
    if (!program.running()) return 'ended' as const;
    try {
      await probe();
      return 'ready' as const;
    } catch (error) {
      lastError = error;
      return undefined;
    }
  };
  let outcome: 'ended' | 'ready' | 'late';
  try {
    outcome = await settle(`${program.name} to answer`, look, { timeoutMs });
  } catch {
    outcome = 'late';
  }
  if (outcome === 'ready') return;
  await program.stop('SIGKILL');
  const said = `${program.output()}${await log().catch(String)}`.trim().slice(-SHOWN_OUTPUT);
  const why = outcome === 'ended' ? 'ended while starting' : `did not answer within ${timeoutMs} ms (${String(lastError)})`;
  throw new Error(`${program.name} ${why}. ${hint}\nIt said:\n${said || '(nothing)'}`);
}

/** Connects and hangs up: the plainest sign that a server listens. */
export function answersOn(port: number, timeoutMs = 2_000): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: timeoutMs });
    socket.once('connect', () => resolve(void socket.destroy()));
    socket.once('timeout', () => socket.destroy(new Error(`port ${port} does not answer`)));
    socket.once('error', reject);
  });
}

/** Runs a program to its end. */
export async function run(
  name: string,
  command: string,
  args: string[],
  options: Partial<ProgramOptions> & { timeoutMs?: number; hint?: string } = {},
): Promise<string> {
  const { timeoutMs = 60_000, hint = '', ...rest } = options;
  const child = spawn(command, args, {
    ...rest,
    env: { ...process.env, ...rest.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const output = keepOutput(child);
  const end = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : signal ? `was ended by ${signal} (limit ${timeoutMs} ms)` : `gave code ${code}`),
    );
  });
  if (end !== undefined) throw new Error(`${name}: ${command} ${end}. ${hint}\nIt said:\n${output.text().trim().slice(-SHOWN_OUTPUT)}`);
  return output.text();
}
