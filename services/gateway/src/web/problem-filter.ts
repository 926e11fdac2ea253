// Turns whatever a route throws into problem+json, and writes bugs to the log.
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Fault } from '@rejoinder/base/fault';
import type { Logger } from '@rejoinder/runtime/logging';
import { traceIdOf, traceparentOfTrouble } from '@rejoinder/runtime/trace';
import { isBug, problemOf, type Problem } from './problem.js';

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = problemOf(error);
    const isOurs = isBug(problem) || problem.status === 503;
    const trace = isOurs ? { trace_id: traceIdOf(traceparentOfTrouble()) } : {};
    if (isBug(problem)) this.logger.error({ error, traceId: trace.trace_id }, 'a request failed');
    else if (isOurs)
      this.logger.warn({ code: error instanceof Fault ? error.code : problem.code, traceId: trace.trace_id }, 'a request was refused');
    sendProblem(host.switchToHttp().getResponse<FastifyReply>(), { ...problem, ...trace });
  }
}

/** Once the answer has begun there is only one way left to say that it broke: to break it off. */
export function sendProblem(reply: FastifyReply, problem: Problem): void {
  if (reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  if (problem.retry_after_ms !== undefined) void reply.header('retry-after', Math.ceil(problem.retry_after_ms / 1_000));
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
  void reply
    .code(problem.status)
    .type('application/problem+json')
    .send(Buffer.from(JSON.stringify(problem)));
}
