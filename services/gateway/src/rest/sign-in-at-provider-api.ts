// REST of signing in at a provider's page (OAuth 2.0): the page to go to, and what comes of coming back.
import { Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { Peers } from '@rejoinder/runtime/peers';
import { CallerId, TenantId } from '../people/caller.js';
import { FromBody, Route, V1 } from '../web/route.js';
import * as shape from './inbox.js';
import { letIn } from './inboxes-api.js';
import { refusal } from './shapes.js';
import { begunSchema, finishBody, startBody } from './sign-in-at-provider.js';

/** The provider is asked, then both servers, and each may be slow. */
const slowCall = { deadlineMs: 60_000 };

@V1('inboxes/sign-in')
export class SignInAtProviderApi {
  constructor(private readonly peers: Peers) {}

  @Route({
    method: 'POST',
    says: "Begins a sign-in at a provider's page, to connect an inbox or to reconnect one",
    result: 'The page to send the person to; whoever asked finishes it within ten minutes',
    answers: begunSchema,
    refuses: { 400: [refusal('OAUTH_NOT_SET_UP')], 409: [refusal('INBOX_EXISTS')], 503: [refusal('OAUTH_UNAVAILABLE')] },
  })
  async start(
    @TenantId() tenantId: string,
    @CallerId() caller: string,
    @FromBody(startBody) body: z.infer<typeof startBody>,
  ): Promise<z.infer<typeof begunSchema>> {
    const { provider, address, inbox_id: inboxId, display_name: displayName, redirect_uri: redirectUri } = body;
    const wanted = { tenantId, provider, address, inboxId, displayName, redirectUri, caller };
    const { authorizationUrl } = await this.peers.client(ConnectionsService).startSignIn(wanted, slowCall);
    return { authorization_url: authorizationUrl };
  }

  @Route({
    method: 'POST',
    path: 'finish',
    says: 'The person came back from the page: connects the inbox, or reconnects it, once both servers let it in',
    result: 'The inbox works again, under its old id',
    mayCreate: true,
    answers: shape.inboxSchema,
    refuses: {
      422: [shape.verifyFailed],
      400: [refusal('SIGN_IN_OTHER')],
      403: [refusal('SIGN_IN_REFUSED')],
      409: [refusal('SIGN_IN_GONE'), refusal('INBOX_EXISTS')],
      503: [refusal('OAUTH_UNAVAILABLE'), refusal('SIGN_IN_SHORT')],
    },
  })
  async finish(
    @TenantId() tenantId: string,
    @CallerId() caller: string,
    @FromBody(finishBody) { callback_url: callbackUrl }: z.infer<typeof finishBody>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<shape.InboxAnswer> {
    const answer = await this.peers.client(ConnectionsService).finishSignIn({ tenantId, caller, callbackUrl }, slowCall);
    const inbox = letIn(answer);
    if (!answer.reconnected) void reply.code(201);
    return shape.toInbox(inbox, undefined);
  }
}
