// Gets what a Kafka broker needs, once per user: its jars, a formatted data folder, and an archive of loaded classes.
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, realpath, stat, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { cached, cacheFolder, exists, removeFolder, temporaryFolder } from './folders.js';
import { isReady } from './kafka-probe.js';
import { freePorts } from './ports.js';
import { ready, run, startProgram } from './processes.js';

const VERSION = '4.3.1';
const FILL_TIMEOUT_MS = 180_000;
const CLUSTER_ID = 'RejoinderTestTown_0001';
const HINT =
  'Kafka needs Maven and Java 17 or newer: apt-get install -y maven (or: node scripts/system-packages.mjs); its jars come from Maven Central';

export interface KafkaFiles {
  java: string;
  classPath: string;
  /** A freshly formatted data folder, to be copied. */
  formatted: string;
  /** Classes as the JVM keeps them in memory: halves the time to start. */
  archive: string;
}

export interface BrokerPlace {
  dataDir: string;
  port: number;
  controllerPort: number;
  advertisedPort: number;
}

export async function kafkaFiles(): Promise<KafkaFiles> {
  const java = await findJava();
  const home = join(cacheFolder(), `kafka-${VERSION}`);
  const jars = await cached(join(home, 'lib'), downloadJars);
  const classPath = (await readdir(jars))
    .filter((name) => name.endsWith('.jar'))
    .sort()
    .map((name) => join(jars, name))
    .join(delimiter);
  const formatted = await cached(join(home, 'formatted'), (draft) => format(java, classPath, draft));
  const archive = await cached(join(home, `classes-${await fingerprint(java, classPath)}.jsa`), (draft) =>
    archiveClasses(java, classPath, formatted, draft),
  );
  return { java, classPath, formatted, archive };
}

/** Small enough for a test: with the default buffers a broker does not start in so small a heap. */
export function properties(place: BrokerPlace, settings: Record<string, string> = {}): string {
  const all = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${place.controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${place.port},CONTROLLER://127.0.0.1:${place.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${place.advertisedPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': place.dataDir,
    'auto.create.topics.enable': 'false',
    // After a kill the controller takes the broker back only when its old session has ended.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '500',
    'group.initial.rebalance.delay.ms': '0',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'log.cleaner.dedupe.buffer.size': '2097152',
    'num.network.threads': '1',
    'num.io.threads': '2',
    'background.threads': '2',
    'offsets.load.buffer.size': '1048576',
    'transaction.state.log.load.buffer.size': '1048576',
    ...settings,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

async function findJava(): Promise<string> {
  const folders = [process.env.JAVA_HOME && join(process.env.JAVA_HOME, 'bin'), ...(process.env.PATH ?? '').split(delimiter), '/usr/bin'];
  for (const folder of folders) {
    if (folder && (await exists(join(folder, 'java')))) return realpath(join(folder, 'java'));
  }
  throw new Error(`Java is not installed. ${HINT}`);
}

async function downloadJars(draft: string): Promise<void> {
  const folder = await temporaryFolder('maven');
  const dependency = `<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version>`;
  const own = '<modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>town</artifactId><version>1</version>';
  const pom = join(folder, 'pom.xml');
  try {
    await writeFile(pom, `<project>${own}<dependencies><dependency>${dependency}</dependency></dependencies></project>`);
    const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${draft}`, '-DincludeScope=runtime'];
    await run('The download of Kafka', 'mvn', args, { cwd: folder, timeoutMs: FILL_TIMEOUT_MS, hint: HINT });
  } finally {
    await removeFolder(folder);
  }
}

/** Every broker then has the same cluster id, which only matters to brokers that meet. */
async function format(java: string, classPath: string, draft: string): Promise<void> {
  const folder = await temporaryFolder('kafka-format');
  const config = join(folder, 'server.properties');
  try {
    await writeFile(config, properties({ dataDir: draft, port: 1, controllerPort: 2, advertisedPort: 1 }));
    const args = ['-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config];
    await run('Formatting Kafka’s data', java, args, { cwd: folder, timeoutMs: FILL_TIMEOUT_MS, hint: HINT });
  } finally {
    await removeFolder(folder);
  }
}

/** Runs a broker once and has the JVM write down, when it ends, which classes it had loaded. */
async function archiveClasses(java: string, classPath: string, formatted: string, draft: string): Promise<void> {
  const folder = await temporaryFolder('kafka-archive');
  const dataDir = join(folder, 'data');
  const config = join(folder, 'server.properties');
  try {
    const [port, controllerPort] = (await freePorts(2)) as [number, number];
    await mkdir(join(folder, 'logs'));
    await cp(formatted, dataDir, { recursive: true });
    await writeFile(config, properties({ dataDir, port, controllerPort, advertisedPort: port }));
    const args = ['-Xmx256m', '-XX:+UseSerialGC', `-XX:ArchiveClassesAtExit=${draft}`, '-cp', classPath, 'kafka.Kafka', config];
    const broker = startProgram({ name: 'Kafka', command: java, args, cwd: folder, folders: [folder] });
    await ready(broker, () => isReady(port), { timeoutMs: FILL_TIMEOUT_MS, hint: HINT });
    await broker.stop('SIGTERM', FILL_TIMEOUT_MS);
    if (!(await exists(draft))) throw new Error(`Java wrote no class archive. It said:\n${broker.output().slice(-2_000)}`);
  } finally {
    await removeFolder(folder);
  }
}

/** An archive fits one Java and one class path. */
async function fingerprint(java: string, classPath: string): Promise<string> {
  const { mtimeMs, size } = await stat(java);
  return createHash('sha256').update([java, mtimeMs, size, classPath].join('|')).digest('hex').slice(0, 12);
}
