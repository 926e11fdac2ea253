// The settings every role shares: where its database, its keys, its event log and the other services are.
import {
  choiceSetting,
  grpcAddress,
  hostAndPort,
  numberSetting,
  optionalSetting,
  postgresUrl,
  secretSetting,
  textSetting,
  type Values,
} from './config.js';
import { kafkaSettings } from './kafka-settings.js';
import { services, type ServiceName } from './services.js';

export const houseSettings = {
  databaseUrl: secretSetting(
    'REJOINDER_DATABASE_URL',
    'PostgreSQL for the services, postgres://user:password@host:port/database',
    undefined,
    postgresUrl,
  ),
  databaseConnections: numberSetting(
    'REJOINDER_DATABASE_CONNECTIONS',
    'connections to PostgreSQL of this process for transactions, at most; it has up to 2 more for each role, and 4',
    {
      default: 6,
      min: 2,
      max: 200,
    },
  ),
  keyringUrl: secretSetting(
    'REJOINDER_KEYRING_URL',
    'PostgreSQL database of the keyring, another one than that of the services',
    undefined,
    postgresUrl,
  ),
  keyFile: textSetting('REJOINDER_KEY_FILE', 'file with the key that wraps all keys; readable by its owner alone'),
  bus: choiceSetting('REJOINDER_BUS', 'where events travel', ['kafka', 'local'], 'kafka'),
  ...kafkaSettings,
  release: textSetting(
    'REJOINDER_RELEASE',
    'what a rollout replaces, such as the hash of a pod template: processes of an old one keep their inboxes until they end, and are given no more; unused with the local bus',
    '',
  ),
  instance: textSetting(
    'REJOINDER_INSTANCE',
    'what this process alone is called, and is called again when it is started anew after it died, such as the name of its pod: then it has at once what it read from Kafka, instead of after 9 s; unused with the local bus',
    '',
  ),
  grpcListen: textSetting('REJOINDER_GRPC_LISTEN', 'where this role answers gRPC, host:port or unix:path', '0.0.0.0:50051', grpcAddress),
  healthListen: optionalSetting('REJOINDER_HEALTH_LISTEN', 'where health is told over HTTP, host:port; nowhere if empty', hostAndPort),
  logLevel: choiceSetting('REJOINDER_LOG_LEVEL', 'least level that is logged', ['debug', 'info', 'warn', 'error'], 'info'),
  bodyDays: numberSetting('REJOINDER_BODY_DAYS', 'days that captured text and sent mail are kept, at most', { default: 7, min: 2, max: 7 }),
  metadataDays: numberSetting('REJOINDER_METADATA_DAYS', 'days that header fields and locations are kept, at most', {
    default: 60,
    min: 7,
    max: 60,
  }),
  wireDays: numberSetting('REJOINDER_WIRE_DAYS', 'days that outbox rows, local events and dead letters are kept, at most', {
    default: 7,
    min: 3,
    max: 7,
  }),
  unreadySeconds: numberSetting(
    'REJOINDER_UNREADY_SECONDS',
    'seconds that a role goes on serving after SIGTERM, unready, until nobody sends it anything more',
    {
      default: 0,
      min: 0,
      max: 60,
    },
  ),
  drainSeconds: numberSetting('REJOINDER_DRAIN_SECONDS', 'seconds that work in hand is given to end, after REJOINDER_UNREADY_SECONDS', {
    default: 20,
    min: 1,
    max: 300,
  }),
  clockSkewMs: numberSetting('REJOINDER_CLOCK_SKEW_MS', 'moves the clock, for tests of retention alone', {
    default: 0,
    min: 0,
    max: 10 ** 12,
  }),
  otlpEndpoint: optionalSetting('OTEL_EXPORTER_OTLP_ENDPOINT', 'where traces go (OTLP over HTTP); nothing is traced if empty'),
  ...peerSettings(),
};

export type HouseSettings = Values<typeof houseSettings>;

type PeerSettings = { [S in ServiceName as `${S}Grpc`]: ReturnType<typeof textSetting> };

function peerSettings(): PeerSettings {
  const one = (service: ServiceName) =>
    textSetting(`REJOINDER_${service.toUpperCase()}_GRPC`, `where ${service} answers gRPC`, `${service}:50051`);
  return Object.fromEntries(services.map((service) => [`${service}Grpc`, one(service)])) as PeerSettings;
}
