// How a page behind a reconnect link is answered, and its refusals in a sentence.
import type { FastifyReply } from 'fastify';
import { Fault } from '@rejoinder/base/fault';
import type { Check } from '@rejoinder/contracts/api/connections';
import { problemOf } from '../web/problem.js';
import { sentencePage } from './reconnect-page.js';

const sides: Record<string, string> = { imap: 'Receiving', smtp: 'Sending' };

/** Undefined where it has been answered already. */
export async function answerPage(reply: FastifyReply, pageOf: () => Promise<string | undefined>): Promise<void> {
  void reply.header('cache-control', 'no-store').type('text/html; charset=utf-8');
  try {
    const page = await pageOf();
    if (page !== undefined) void reply.send(page);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { status, code, detail } = problemOf(error);
    void reply.code(status).send(sentencePage(code === 'LINK_VOID' ? 'This link is not good any more' : 'That did not work', detail));
  }
}

export function troublesOf(checks: readonly Check[]): string[] {
  return checks.filter(({ passed }) => !passed).map(({ protocol, detail }) => `${sides[protocol] ?? protocol}: ${detail}`);
}
