// Starts a real, small Apache Kafka of its own for tests: one broker, which is its own controller.
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kafka as KafkaJs, logLevel, type Admin } from 'kafkajs';
import { removeFolder, temporaryFolder } from './folders.js';
import { kafkaFiles, properties, type KafkaFiles } from './kafka-files.js';
import { freePorts } from './ports.js';
import { isReady } from './kafka-probe.js';
import { ready, run, startProgram, type Program } from './processes.js';

const HEAP = '-Xmx128m';
const commandMs = 60_000;

export interface KafkaOptions {
  /** The port clients are told to use: that of a proxy in front, if there is one. */
  advertisedPort?: number;
  /** The broker's own port; a free one unless said. */
  port?: number;
  /** More server properties, or other ones. */
  settings?: Record<string, string>;
  /** It is to serve for minutes: code that is often run is compiled well, which costs a start of seconds more than it gains. */
  lasting?: boolean;
}

export interface Kafka extends AsyncDisposable {
  readonly brokers: string[];
  readonly port: number;
  readonly dataDir: string;
  createTopics(...topics: { topic: string; partitions?: number; config?: Record<string, string> }[]): Promise<void>;
  /** Asks or tells the broker what an operator would. */
  administer<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
  /** Runs one of Kafka's own commands, by its class. */
  command(main: string, args: string[]): Promise<string>;
  /** How many events of the topics that the group reads it has not committed. */
  lag(group: string): Promise<number>;
  log(): string;
  /** Ends it as an operator would; `up` starts it again with its data, on its port. */
  down(): Promise<void>;
  up(): Promise<void>;
  restart(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** It holds its connections and answers nothing. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const files = await kafkaFiles();
  const folder = await temporaryFolder('kafka');
  const dataDir = join(folder, 'data');
  let program: Program | undefined;
  const stop = async () => {
    await program?.stop('SIGKILL');
    await removeFolder(folder);
  };
  try {
    const [port, controllerPort] = (await freePorts(2)) as [number, number];
    const own = options.port ?? port;
    const advertisedPort = options.advertisedPort ?? own;
    const config = join(folder, 'server.properties');
    await cp(files.formatted, dataDir, { recursive: true });
    await mkdir(join(folder, 'logs'));
    await writeFile(config, properties({ dataDir, port: own, controllerPort, advertisedPort }, options.settings));
    const compiled = options.lasting ? ['-XX:TieredStopAtLevel=4'] : [];
    const args = [...javaArguments(files), ...compiled, 'kafka.Kafka', config];
    const up = async () => {
      if (program?.running()) return;
      program = startProgram({ name: 'Kafka', command: files.java, args, cwd: folder, folders: [folder] });
      await ready(program, () => isReady(own), { timeoutMs: 60_000 });
    };
    await up();
    const command = (main: string, more: string[]) =>
      run('Kafka', files.java, ['-cp', files.classPath, main, ...more], { timeoutMs: commandMs });
    return handle({ port: own, advertisedPort, dataDir, program: () => program!, up, stop, command });
  } catch (error) {
    await stop();
    throw error;
  }
}

const javaArguments = ({ classPath, archive }: Pick<KafkaFiles, 'classPath' | 'archive'>): string[] => [
  HEAP,
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  `-XX:SharedArchiveFile=${archive}`,
  '-cp',
  classPath,
];

interface Parts {
  port: number;
  advertisedPort: number;
  dataDir: string;
  program(): Program;
  command: Kafka['command'];
  up(): Promise<void>;
  stop(): Promise<void>;
}

function handle({ port, advertisedPort, dataDir, program, up, stop, command }: Parts): Kafka {
  const down = () => program().stop('SIGTERM');
  return {
    brokers: [`127.0.0.1:${advertisedPort}`],
    port,
    dataDir,
    createTopics: (...topics) => createTopics(`127.0.0.1:${advertisedPort}`, topics),
    administer: (work) => withAdmin(`127.0.0.1:${advertisedPort}`, work),
    command,
    lag: (group) => lagOf(`127.0.0.1:${advertisedPort}`, group),
    log: () => program().output(),
    up,
    down,
    restart: async () => {
      await down();
      await up();
    },
    kill: () => program().stop('SIGKILL'),
    pause: () => program().signal('SIGSTOP'),
    resume: () => program().signal('SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

const client = (broker: string) =>
  new KafkaJs({
    brokers: [broker],
    clientId: 'test-town',
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2_000,
    requestTimeout: 10_000,
    retry: { retries: 5 },
  });

async function withAdmin<T>(broker: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = client(broker).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

async function createTopics(broker: string, topics: Parameters<Kafka['createTopics']>): Promise<void> {
  await withAdmin(broker, (admin) =>
    admin.createTopics({
      waitForLeaders: true,
      topics: topics.map(({ topic, partitions = 1, config = {} }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    }),
  );
}

/** Topics of which the group has committed anything are those it reads; of their other partitions it has read nothing yet. */
function lagOf(broker: string, groupId: string): Promise<number> {
  return withAdmin(broker, async (admin) => {
    const read = (await admin.fetchOffsets({ groupId })).map(({ topic }) => topic);
    if (read.length === 0) return 0;
    const lags = (await admin.fetchOffsets({ groupId, topics: read })).map(async ({ topic, partitions }) => {
      const committed = new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      const ends = await admin.fetchTopicOffsets(topic);
      return ends.reduce((sum, { partition, low, high }) => sum + Number(high) - Math.max(committed.get(partition) ?? -1, Number(low)), 0);
    });
    return (await Promise.all(lags)).reduce((sum, lag) => sum + lag, 0);
  });
}
