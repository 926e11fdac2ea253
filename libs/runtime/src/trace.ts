// Spans of our own: of work in the trace that a row remembers, and of calls to other services.
import { randomBytes } from 'node:crypto';
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { activeTraceparent } from '@rejoinder/bus/outbox';

const tracer = trace.getTracer('@rejoinder/runtime');

/** Does work in a span of the trace that led to it; without one the span begins a trace, whatever is active here. */
export function inSpan<T>(name: string, traceparent: string | null | undefined, work: () => Promise<T>): Promise<T> {
  const parent = propagation.extract(ROOT_CONTEXT, { traceparent: traceparent ?? undefined });
  return tracer.startActiveSpan(name, {}, parent, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'thrown' });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Of trouble that people are told of: the active trace, or one of its own where nothing is traced, so that its id stands in a log in any case. */
export function traceparentOfTrouble(): string {
  return activeTraceparent() ?? `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
}

/** The trace's id in a traceparent (W3C Trace Context §3.2.2.3). */
export const traceIdOf = (traceparent: string): string => traceparent.split('-')[1] ?? '';

/** The span of a call to another service: what tells that service of the trace, and how the span ends. */
export function startCall(name: string): { headers: Record<string, string>; end: (failed: boolean) => void } {
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT });
  const headers: Record<string, string> = {};
  propagation.inject(trace.setSpan(context.active(), span), headers);
  const end = (failed: boolean) => {
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  };
  return { headers, end };
}

/** Begins what outlives the request or job that asks for it: it must not belong to that trace for as long as it lives. */
export function outsideTraces<T>(begin: () => T): T {
  return context.with(ROOT_CONTEXT, begin);
}
