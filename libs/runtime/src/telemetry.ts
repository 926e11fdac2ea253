// OpenTelemetry, only where an OTLP endpoint is named: otherwise nothing of it is loaded. Must run before the roles are imported.
import { createRequire } from 'node:module';

export interface Telemetry {
  /** Sends what is still held. */
  stop(): Promise<void>;
}

/** Counters are sent this often. */
const metricsEveryMs = 10_000;
/** How the addresses begin of which nothing is traced. */
const untraced = ['/health', '/reconnect/', '/inboxes/signed-in', '/open?'];

/** Traces HTTP, gRPC and SQL of this process, and sends what it counts; the bus carries the context itself, through the outbox row. */
export async function startTelemetry(serviceName: string, endpoint: string | undefined): Promise<Telemetry> {
  if (!endpoint) return { stop: async () => undefined };
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const { PeriodicExportingMetricReader } = await import('@opentelemetry/sdk-metrics');
  const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-http');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const { HttpInstrumentation } = await import('@opentelemetry/instrumentation-http');
  const { GrpcInstrumentation } = await import('@opentelemetry/instrumentation-grpc');
  const { PgInstrumentation } = await import('@opentelemetry/instrumentation-pg');
  const base = endpoint.replace(/\/$/, '');
  const exporter = new OTLPMetricExporter({ url: `${base}/v1/metrics` });
  const sdk = new NodeSDK({
    serviceName,
    traceExporter: new OTLPTraceExporter({ url: `${base}/v1/traces` }),
    metricReaders: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: metricsEveryMs })],
    logRecordProcessors: [],
    instrumentations: [
      // Below /reconnect/ the path is a secret, at the doors of signing in the query is.
      new HttpInstrumentation({ ignoreIncomingRequestHook: ({ url = '' }) => untraced.some((path) => url.startsWith(path)) }),
      new GrpcInstrumentation(),
      new PgInstrumentation({ requireParentSpan: true }),
    ],
  });
  sdk.start();
  // The instrumentations patch CommonJS modules as they are required; ESM importers of them get the patched ones.
  const require = createRequire(import.meta.url);
  require('pg');
  require('@grpc/grpc-js');
  return { stop: () => sdk.shutdown() };
}
