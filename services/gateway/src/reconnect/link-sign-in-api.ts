// Lets the owner of an inbox sign in at its provider's page again by a link, without signing in here.
import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '@rejoinder/base/clock';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { faultOf } from '@rejoinder/contracts/catalogue';
import { Peers } from '@rejoinder/runtime/peers';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { cookieOf } from '../people/caller.js';
import { sha256 } from '../people/secrets.js';
import { Doors } from '../web/doors.js';
import { answerPage, troublesOf } from './reconnect-answer.js';
import { donePage, sentencePage } from './reconnect-page.js';
import { Visits } from './visits.js';

/** The provider is asked, then both servers, and each may be slow. */
const slowCall = { deadlineMs: 60_000 };
const backPath = '/reconnect/signed-in';
/** Strict would not come back from another site. It is worth what the link is, and goes nowhere but to links. */
const cookie = 'rejoinder_link';
const cookieSeconds = 600;
const tokenForm = /^[\w-]{1,100}$/;
const loopback = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

@Controller('reconnect')
export class LinkSignInApi {
  readonly #visits = new Visits();

  constructor(
    private readonly peers: Peers,
    private readonly doors: Doors,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Where the provider's page leads back to. */
  @Get('signed-in')
  async back(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await answerPage(reply, async () => {
      this.#count(request);
      const token = cookieOf(request.headers.cookie, cookie);
      if (token === undefined) throw faultOf('SIGN_IN_GONE');
      const { tenantId } = await this.#connections.openReconnectLink({ token, attempts: false });
      const callbackUrl = originOf(request) + request.url;
      const { inbox, checks } = await this.#connections.finishSignIn({ tenantId, callbackUrl, caller: callerOf(token) }, slowCall);
      return inbox ? donePage(inbox.address) : sentencePage('That did not work', troublesOf(checks).join(' '));
    });
  }

  /** A link and no form: a page's own rules (form-action) would hold a form back from another site. */
  @Get(':token/sign-in')
  async start(@Param('token') token: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await answerPage(reply, async () => {
      this.#count(request);
      if (!tokenForm.test(token)) throw faultOf('LINK_VOID');
      const { tenantId, inbox } = await this.#connections.openReconnectLink({ token, attempts: true });
      const { inboxId, oauthProvider: provider } = inbox!;
      const origin = originOf(request);
      const wanted = { tenantId, provider, inboxId, redirectUri: origin + backPath, caller: callerOf(token) };
      const { authorizationUrl } = await this.#connections.startSignIn(wanted, slowCall);
      const secure = origin.startsWith('https:') ? '; Secure' : '';
      const kept = `${cookie}=${token}; HttpOnly; SameSite=Lax; Path=/reconnect; Max-Age=${cookieSeconds}${secure}`;
      void reply.header('set-cookie', kept).redirect(authorizationUrl, 303);
      return undefined;
    });
  }

  #count(request: FastifyRequest): void {
    if (!this.#visits.allows(this.doors.clientOf(request), this.clock.now())) throw faultOf('LINK_ATTEMPTS');
  }

  get #connections() {
    return this.peers.client(ConnectionsService);
  }
}

/** The Host is one of ours by now. A provider leads back over HTTPS, but for a loopback host (RFC 8252 §7.3). */
function originOf({ headers: { host = '' } }: FastifyRequest): string {
  return `${loopback.test(host) ? 'http' : 'https'}://${host}`;
}

const callerOf = (token: string) => sha256(token).toString('hex');
