// Ties the handling of a batch to the traces its events belong to: one span for the batch, a link for each event's, and where all belong to one trace, within it.
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Link } from '@opentelemetry/api';
import type { LoggedEvent } from './event.js';

const tracer = trace.getTracer('@rejoinder/bus');
const maxLinks = 128;

/** Runs the handling of one run of events within a span of its own. */
export async function inBatchSpan<T>(service: string, batch: LoggedEvent[], work: () => Promise<T>): Promise<T> {
  const { topic, partition, type } = batch[0]!;
  const attributes = {
    'messaging.system': 'rejoinder',
    'messaging.operation.type': 'process',
    'messaging.destination.name': topic,
    'messaging.destination.partition.id': String(partition),
    'messaging.batch.message_count': batch.length,
    'messaging.consumer.group.name': service,
  };
  const links = linksOf(batch);
  const parent = parentOf(links);
  const span = tracer.startSpan(`process ${type}`, { kind: SpanKind.CONSUMER, links, attributes }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), work);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'thrown' });
    throw error;
  } finally {
    span.end();
  }
}

function parentOf(links: Link[]) {
  const [first] = links;
  const isOneTrace = first && links.every((link) => link.context.traceId === first.context.traceId);
  return isOneTrace ? trace.setSpanContext(ROOT_CONTEXT, first.context) : ROOT_CONTEXT;
}

function linksOf(batch: LoggedEvent[]): Link[] {
  const parents = new Set<string>();
  for (const { traceparent } of batch) {
    if (traceparent && parents.size < maxLinks) parents.add(traceparent);
  }
  return [...parents].map((parent) => {
    const [, traceId, spanId, flags] = parent.split('-') as [string, string, string, string];
    return { context: { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true } };
  });
}
