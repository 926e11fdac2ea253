// OpenTelemetry, only where an OTLP endpoint is named: otherwise nothing of it is loaded. Must run before the roles are imported.
import { createRequire } from 'node:module';

export interface Telemetry {
  /** Sends what is still held. */
  stop(): Promise<void>;
}

/** Traces HTTP, gRPC and SQL of this process; the bus carries the context itself, through the outbox row. */
export async function startTelemetry(serviceName: string, endpoint: string | undefined): Promise<Telemetry> {
  if (!endpoint) return { stop: async () => undefined };
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const { HttpInstrumentation } = await import('@opentelemetry/instrumentation-http');
  const { GrpcInstrumentation } = await import('@opentelemetry/instrumentation-grpc');
  const { PgInstrumentation } = await import('@opentelemetry/instrumentation-pg');
  const sdk = new NodeSDK({
    serviceName,
    traceExporter: new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` }),
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [
      // A path below /reconnect/ is a secret.
      new HttpInstrumentation({ ignoreIncomingRequestHook: ({ url = '' }) => url.startsWith('/health') || url.startsWith('/reconnect/') }),
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
