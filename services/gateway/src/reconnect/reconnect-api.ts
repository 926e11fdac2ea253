// Lets the owner of an inbox give it a new password by a link, without signing in; says nothing of the inbox but its address.
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '@rejoinder/base/clock';
import { ConnectionsService, type OpenReconnectLinkResponse } from '@rejoinder/contracts/api/connections';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Peers } from '@rejoinder/runtime/peers';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { Doors } from '../web/doors.js';
import { answerPage, troublesOf } from './reconnect-answer.js';
import { donePage, formPage, signInPage } from './reconnect-page.js';
import { Visits } from './visits.js';

const liveTest = { deadlineMs: 60_000 };

@Controller('reconnect')
export class ReconnectApi {
  readonly #visits = new Visits();

  constructor(
    private readonly peers: Peers,
    private readonly doors: Doors,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get(':token')
  async form(@Param('token') token: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#answer(request, reply, async () => {
      const inbox = (await this.#open(token, false)).inbox!;
      return inbox.oauthProvider === '' ? formPage(inbox.address) : signInPage(inbox.address, token);
    });
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
    if (password === '') return formPage(address, ['The password is needed to sign in.']);
    const { inbox: saved, checks } = await this.#connections.reconnect({ tenantId, inboxId, password }, liveTest);
    return saved ? donePage(address) : formPage(address, troublesOf(checks));
  }

  #open(token: string, attempts: boolean): Promise<OpenReconnectLinkResponse> {
    return this.#connections.openReconnectLink({ token, attempts });
  }

  #answer(request: FastifyRequest, reply: FastifyReply, pageOf: () => Promise<string>): Promise<void> {
    return answerPage(reply, () => {
      if (!this.#visits.allows(this.doors.clientOf(request), this.clock.now())) throw faultOf('LINK_ATTEMPTS');
      return pageOf();
    });
  }

  get #connections() {
    return this.peers.client(ConnectionsService);
  }
}

function passwordOf(body: unknown): string {
  const { password } = (body ?? {}) as { password?: unknown };
  return typeof password === 'string' ? password : '';
}
