// Takes refused credentials, of receiving from sync and of sending from sending: the side stops until there is a new password.
import { Controller, Inject } from '@nestjs/common';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { explain } from '@rejoinder/contracts/catalogue';
import { AuthenticationFailedSchema } from '@rejoinder/contracts/events/sync';
import type { Logger } from '@rejoinder/runtime/logging';
import { LOGGER } from '@rejoinder/runtime/tokens';
import { traceIdOf, traceparentOfTrouble } from '@rejoinder/runtime/trace';
import { InboxStore, type Refusal } from './inbox-store.js';

type Failed = Received<typeof AuthenticationFailedSchema>;

@Controller()
export class OnAuthenticationFailed {
  constructor(
    private readonly store: InboxStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @On(AuthenticationFailedSchema)
  async authenticationFailed(batch: Failed[]): Promise<Outcome | Outcome[]> {
    const refusals = batch.map(refusalOf);
    const known = refusals.filter((refusal) => refusal !== undefined);
    for (const { inboxId, protocol, reason, traceparent } of known)
      this.logger.info({ inboxId, protocol, reason, traceId: traceIdOf(traceparent) }, 'a credential was refused');
    if (known.length > 0) await this.store.takeRefusals(known);
    return refusals.map((refusal) => (refusal ? done : deadLetter('neither imap nor smtp of an inbox')));
  }
}

function refusalOf({ event, message }: Failed): Refusal | undefined {
  const { inboxId, protocol, credentialVersion, reason } = message;
  if ((protocol !== 'imap' && protocol !== 'smtp') || !isId(inboxId)) return undefined;
  // A newer release may know reasons that this catalogue lacks: the password is refused all the same.
  const code = explain(reason) ? reason : 'AUTH_REJECTED';
  return {
    tenantId: event.tenantId,
    inboxId,
    protocol,
    credentialVersion,
    reason: code,
    traceparent: event.traceparent ?? traceparentOfTrouble(),
  };
}
