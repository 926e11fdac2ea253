// Seals what a sign-in that has begun is about, for its row, and opens it again.
import { Injectable } from '@nestjs/common';
import { Vault, type Bytes } from '@rejoinder/vault/vault';
import type { InboxSettings } from '../settings/inbox-settings.js';

/** All of it is needed again when the person comes back. */
export interface Begun {
  provider: string;
  redirectUri: string;
  nonce: string;
  verifier: string;
  address: string;
  /** Undefined to connect a new one. */
  inboxId?: string;
  displayName: string;
  settings: InboxSettings;
}

@Injectable()
export class BegunBox {
  constructor(private readonly vault: Vault) {}

  seal(tenantId: string, stateHash: Buffer, begun: Begun): Promise<Bytes> {
    return this.vault.seal(placeOf(tenantId, stateHash), Buffer.from(JSON.stringify(begun)));
  }

  async open(tenantId: string, stateHash: Buffer, sealed: Uint8Array): Promise<Begun> {
    const begun = JSON.parse((await this.vault.open(placeOf(tenantId, stateHash), sealed)).toString()) as Begun;
    const { captureSince } = begun.settings;
    return { ...begun, settings: { ...begun.settings, captureSince: captureSince && new Date(captureSince) } };
  }
}

function placeOf(tenantId: string, stateHash: Buffer) {
  return { tenantId, purpose: 'credentials', row: `sign_in:${stateHash.toString('hex')}` } as const;
}
