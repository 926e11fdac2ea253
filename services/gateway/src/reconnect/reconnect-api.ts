// Lets the owner of an inbox give it a new password by a link, without signing in; says nothing of the inbox but its address.
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '@rejoinder/base/clock';
import { Fault } from '@rejoinder/base/fault';
import { ConnectionsService, type Check, type OpenReconnectLinkResponse } from '@rejoinder/contracts/api/connections';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Peers } from '@rejoinder/runtime/peers';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { problemOf } from '../web/problem.js';
import { donePage, formPage, sentencePage } from './reconnect-page.js';
import { Visits } from './visits.js';

const liveTest = { deadlineMs: 60_000 };
const sides: Record<string, string> = { imap: 'Receiving', smtp: 'Sending' };

@Controller('reconnect')
export class ReconnectApi {
  readonly #visits = new Visits();

  constructor(
    private readonly peers: Peers,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get(':token')
  async form(@Param('token') token: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#answer(request, reply, async () => formPage((await this.#open(token, false)).inbox!));
  }

  @Post(':token')
  @HttpCode(200)
  async reconnect(
    @Param('token') token: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#answer(request, reply, () => this.#reconnect(token, passwordOf(body)));
  }

  async #reconnect(token: string, password: string): Promise<string> {
    const { tenantId, inbox } = await this.#open(token, true);
    const { inboxId, address } = inbox!;
    if (password === '') return formPage(inbox!, ['The password is needed to sign in.']);
    const { inbox: saved, checks } = await this.#connections.reconnect({ tenantId, inboxId, password }, liveTest);
    return saved ? donePage(address) : formPage(inbox!, troublesOf(checks));
  }

  #open(token: string, attempts: boolean): Promise<OpenReconnectLinkResponse> {
    return this.#connections.openReconnectLink({ token, attempts });
  }

  async #answer(request: FastifyRequest, reply: FastifyReply, pageOf: () => Promise<string>): Promise<void> {
    void reply.header('cache-control', 'no-store').type('text/html; charset=utf-8');
    try {
      if (!this.#visits.allows(request.ip, this.clock.now())) throw faultOf('LINK_ATTEMPTS');
      void reply.send(await pageOf());
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const { status, code, detail } = problemOf(error);
      void reply.code(status).send(sentencePage(code === 'LINK_VOID' ? 'This link is not good any more' : 'That did not work', detail));
    }
  }

  get #connections() {
    return this.peers.client(ConnectionsService);
  }
}

function passwordOf(body: unknown): string {
  const { password } = (body ?? {}) as { password?: unknown };
  return typeof password === 'string' ? password : '';
}

function troublesOf(checks: readonly Check[]): string[] {
  return checks.filter(({ passed }) => !passed).map(({ protocol, detail }) => `${sides[protocol] ?? protocol}: ${detail}`);
}
