// Faults over gRPC: mapped once to a status with the code as metadata, and back again on the calling side.
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { throwError, type Observable } from 'rxjs';
import { Fault, type FaultKind } from '@rejoinder/base/fault';
import type { Logger } from './logging.js';

const statusOf: Record<FaultKind, status> = {
  not_found: status.NOT_FOUND,
  conflict: status.ALREADY_EXISTS,
  invalid: status.INVALID_ARGUMENT,
  denied: status.PERMISSION_DENIED,
  busy: status.RESOURCE_EXHAUSTED,
  gone: status.FAILED_PRECONDITION,
  too_large: status.OUT_OF_RANGE,
  broken: status.UNAVAILABLE,
};
const kindOf = new Map(Object.entries(statusOf).map(([kind, code]) => [code, kind as FaultKind]));

/** The status a caller gets: of a Fault its kind, code and detail; of anything else INTERNAL and nothing more. */
export function toServiceError(error: unknown): Pick<ServiceError, 'code' | 'details' | 'metadata' | 'message'> {
  const metadata = new Metadata();
  if (!(error instanceof Fault)) return { code: status.INTERNAL, details: 'internal error', message: 'internal error', metadata };
  metadata.set('fault-code', error.code);
  if (error.retryAfterMs !== undefined) metadata.set('retry-after-ms', String(error.retryAfterMs));
  return { code: statusOf[error.kind], details: error.message, message: error.message, metadata };
}

/** The Fault that the other side threw; an unreachable or silent side is a broken one. */
export function fromServiceError(error: ServiceError): Fault {
  const kind = kindOf.get(error.code) ?? 'broken';
  const code = error.metadata?.get('fault-code')[0]?.toString();
  const retryAfter = error.metadata?.get('retry-after-ms')[0]?.toString();
  return new Fault(
    kind,
    code ?? `GRPC_${status[error.code] ?? error.code}`,
    error.details ?? 'no answer',
    retryAfter ? Number(retryAfter) : undefined,
  );
}

/** For gRPC handlers turns what they throw into a status; for bus handlers passes it on as it is, for the transport to judge. */
@Catch()
export class FaultFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): Observable<never> {
    const grpc = host.getArgs()[1] instanceof Metadata;
    if (!grpc) return throwError(() => error);
    if (!(error instanceof Fault)) this.logger.error({ error }, 'a gRPC method failed');
    return throwError(() => toServiceError(error));
  }
}
