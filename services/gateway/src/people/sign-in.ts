// Signs the local console in: a token that can be used once, for a session that lives as long as this process.
import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import type { GatewaySettings } from '../config.js';
import { FirstTenant } from './first-tenant.js';
import { sameSecret, sha256 } from './secrets.js';

const sessionBytes = 32;

/**
 * Sessions are held in memory, by their hash: only the process that printed the address has any, and after a restart a new address is
 * printed. One token makes one session, so there is never more than one.
 */
@Injectable()
export class SignIn {
  #unusedToken: Buffer | undefined;
  #session: { hash: Buffer; tenantId: string } | undefined;

  constructor(
    @Inject(SETTINGS) settings: GatewaySettings,
    private readonly first: FirstTenant,
  ) {
    this.#unusedToken = settings.consoleToken && sha256(settings.consoleToken.reveal());
  }

  /** The new session's secret; undefined for a token that is wrong or was used. */
  open(token: string): string | undefined {
    const { tenantId } = this.first;
    if (!this.#unusedToken || !tenantId || !sameSecret(sha256(token), this.#unusedToken)) return undefined;
    this.#unusedToken = undefined;
    const secret = randomBytes(sessionBytes).toString('base64url');
    this.#session = { hash: sha256(secret), tenantId };
    return secret;
  }

  tenantOf(secret: string): string | undefined {
    return this.#session && sameSecret(sha256(secret), this.#session.hash) ? this.#session.tenantId : undefined;
  }
}
