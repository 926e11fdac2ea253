// What a caller is told of what went wrong, as problem+json (RFC 9457): of a refusal its code and sentence, of a bug nothing.
import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { Fault, type FaultKind } from '@rejoinder/base/fault';
import { isOutage } from '@rejoinder/runtime/outage';

export interface Problem {
  type: string;
  title: string;
  status: number;
  /** Of the error catalogue, or of this API's own. */
  code: string;
  detail: string;
  retry_after_ms?: number;
  /** Of what is our own trouble: it stands in the log beside the cause. */
  trace_id?: string;
  [more: string]: unknown;
}

const statusOf: Record<FaultKind, number> = {
  not_found: 404,
  conflict: 409,
  invalid: 400,
  denied: 403,
  busy: 429,
  gone: 409,
  too_large: 413,
  broken: 503,
};

const retryPeerMs = 2_000;
const peerAway = ['GRPC_UNAVAILABLE', 'GRPC_DEADLINE_EXCEEDED', 'GRPC_CANCELLED'];

/** Of Fastify's own refusals those that a caller can do something about. */
const ownCodes: Record<number, { code: string; detail: string }> = {
  404: { code: 'NOT_FOUND', detail: 'There is nothing here.' },
  406: { code: 'NOT_MULTIPART', detail: 'Send the file as multipart/form-data.' },
  413: { code: 'BODY_TOO_LARGE', detail: 'The request is larger than is allowed.' },
  414: { code: 'ADDRESS_TOO_LONG', detail: 'The address is longer than is allowed.' },
  415: { code: 'MEDIA_TYPE', detail: 'Send JSON as application/json.' },
};
const away = { code: 'PART_AWAY', detail: 'A part of Rejoinder does not answer just now. Try again.', retry_after_ms: retryPeerMs };
const unreadable = { code: 'UNREADABLE', detail: 'The request cannot be read.' };

/** A refusal that is about HTTP alone and has no kind of its own. */
export function refusal(status: number, code: string, detail: string, more: object = {}): HttpException {
  return new HttpException({ code, detail, ...more }, status);
}

/** Everything that is thrown as what the caller is told. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Fault) return problemOfFault(error);
  if (error instanceof HttpException) return problemOfException(error);
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) return problem(status, ownCodes[status] ?? unreadable);
  if (isOutage(error)) return problem(503, away);
  return problem(500, { code: 'INTERNAL', detail: 'Something broke here. It was written to the log.' });
}

/** Whether it is our own fault and not the caller's, nor an outage. */
export function isBug(problem: Problem): boolean {
  return problem.status === 500;
}

function problemOfFault({ kind, code, message, retryAfterMs }: Fault): Problem {
  if (peerAway.includes(code)) {
    return problem(503, away);
  }
  // What gRPC itself says has words and addresses of the inside.
  if (code.startsWith('GRPC_')) return problem(500, { code: 'INTERNAL', detail: 'A part of Rejoinder failed. It was written to its log.' });
  const retry = retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs };
  return problem(statusOf[kind], { code, detail: message, ...retry });
}

function problemOfException(exception: HttpException): Problem {
  const status = exception.getStatus();
  const told = exception.getResponse();
  return problem(status, typeof told === 'object' && 'code' in told ? (told as Told) : (ownCodes[status] ?? unreadable));
}

interface Told {
  code: string;
  detail: string;
  [more: string]: unknown;
}

/** With the status in words. */
export function problem(status: number, told: Told): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Refused', status, ...told };
}
