// Seals what an inbox logs in with for its row, a password or a grant of its provider, and opens it again.
import { Injectable } from '@nestjs/common';
import { Private } from '@rejoinder/base/private';
import { Vault, type Bytes } from '@rejoinder/vault/vault';
import type { Grant } from './sign-in/grant.js';

export interface SignIn {
  username: string;
  password: Private<string>;
}

/** Of receiving; of sending too, unless it has a sign-in of its own. */
export type OpenCredential =
  (SignIn & { smtp?: SignIn | undefined; grant?: undefined }) | { username: string; grant: Grant; password?: undefined; smtp?: undefined };

interface Plain {
  username: string;
  password?: string;
  smtp?: { username: string; password: string };
  grant?: { provider: string; refreshToken: string; accessToken: string; accessUntil: string; refreshAt: string };
}

@Injectable()
export class CredentialBox {
  constructor(private readonly vault: Vault) {}

  /** Bound to the inbox and the version: an older password does not open in its place. */
  async seal(tenantId: string, inboxId: string, version: bigint, { username, password, smtp, grant }: OpenCredential): Promise<Bytes> {
    const sending = smtp && { username: smtp.username, password: smtp.password.reveal() };
    const plain: Plain = { username, password: password?.reveal(), smtp: sending, grant: grant && plainGrant(grant) };
    return this.vault.seal(placeOf(tenantId, inboxId, version), Buffer.from(JSON.stringify(plain)));
  }

  async open(tenantId: string, inboxId: string, version: bigint, sealed: Uint8Array): Promise<OpenCredential> {
    const plain = await this.vault.open(placeOf(tenantId, inboxId, version), sealed);
    const { username, password = '', smtp, grant } = JSON.parse(plain.toString()) as Plain;
    if (grant) return { username, grant: openGrant(grant) };
    const sending = smtp && { username: smtp.username, password: new Private(smtp.password) };
    return { username, password: new Private(password), smtp: sending };
  }
}

function plainGrant({ provider, refreshToken, accessToken, accessUntil, refreshAt }: Grant): NonNullable<Plain['grant']> {
  return {
    provider,
    refreshToken: refreshToken.reveal(),
    accessToken: accessToken.reveal(),
    accessUntil: accessUntil.toISOString(),
    refreshAt: refreshAt.toISOString(),
  };
}

function openGrant({ provider, refreshToken, accessToken, accessUntil, refreshAt }: NonNullable<Plain['grant']>): Grant {
  return {
    provider,
    refreshToken: new Private(refreshToken),
    accessToken: new Private(accessToken),
    accessUntil: new Date(accessUntil),
    refreshAt: new Date(refreshAt),
  };
}

function placeOf(tenantId: string, inboxId: string, version: bigint) {
  return { tenantId, purpose: 'credentials', row: `credential:${inboxId}`, version: Number(version) } as const;
}
