// An OTLP receiver that keeps what it is sent, and tells spans by their trace and by the process they are from.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Attribute {
  key: string;
  value: { stringValue?: string };
}
interface Span {
  traceId: string;
  name: string;
  kind: number;
  attributes: Attribute[];
}
interface Metric {
  name: string;
  sum?: { dataPoints: { asInt?: string | number; asDouble?: number }[] };
}
interface Export {
  resourceMetrics?: { scopeMetrics: { metrics: Metric[] }[] }[];
  resourceSpans?: { resource: { attributes: Attribute[] }; scopeSpans: { scope: { name: string }; spans: Span[] }[] }[];
}

/** A span with the instrumentation that made it, and the service that sent it. */
export type SeenSpan = Span & { scope: string; service: string };

export interface TraceCollector {
  /** Settings that send traces here, soon. */
  env: Record<string, string>;
  spans: SeenSpan[];
  /** What each counter says by now. */
  counters: Map<string, number>;
  of(traceId: string): SeenSpan[];
  names(traceId: string): string[];
  /** What the consumers of a service took of the bus in that trace. */
  consumed(traceId: string, service: string): string[];
  stop(): void;
}

/** Kinds of spans in OTLP. */
export const spanKind = { server: 2, client: 3 };

export const says = ({ attributes }: { attributes: Attribute[] }, key: string) =>
  attributes.find((one) => one.key === key)?.value.stringValue;

export async function startTraceCollector(): Promise<TraceCollector> {
  const spans: SeenSpan[] = [];
  const counters = new Map<string, number>();
  const take = ({ resourceSpans = [], resourceMetrics = [] }: Export) => {
    for (const { name, sum } of resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics)))
      if (sum)
        counters.set(
          name,
          sum.dataPoints.reduce((all, { asInt, asDouble }) => all + Number(asInt ?? asDouble ?? 0), 0),
        );
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = says(resource, 'service.name') ?? '';
      for (const { scope, spans: some } of scopeSpans) spans.push(...some.map((span) => ({ ...span, scope: scope.name, service })));
    }
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      take(JSON.parse(Buffer.concat(chunks).toString()) as Export);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const of = (traceId: string) => spans.filter((span) => span.traceId === traceId);
  return {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      OTEL_BSP_SCHEDULE_DELAY: '200',
    },
    spans,
    counters,
    of,
    names: (traceId) => of(traceId).map(({ name }) => name),
    consumed: (traceId, service) =>
      of(traceId)
        .filter((span) => says(span, 'messaging.consumer.group.name') === service)
        .map(({ name }) => name),
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
