// Seals the secrets of webhooks, each bound to its webhook and version, and opens those that sign now.
import { Injectable } from '@nestjs/common';
import { Private } from '@rejoinder/base/private';
import { Vault, type Bytes } from '@rejoinder/vault/vault';
import type { WebhookRow } from './webhook-store.js';

type Sealed = Pick<WebhookRow, 'tenantId' | 'webhookId' | 'secretVersion' | 'sealedSecret' | 'sealedSecretBefore' | 'secretBeforeUntil'>;

@Injectable()
export class SecretBox {
  constructor(private readonly vault: Vault) {}

  seal(of: Pick<Sealed, 'tenantId' | 'webhookId'>, version: number, secret: Private<string>): Promise<Bytes> {
    return this.vault.seal(placeOf(of, version), Buffer.from(secret.reveal()));
  }

  /** The newest first; the one before only for as long as it signs. */
  async open(of: Sealed, now: Date): Promise<Private<string>[]> {
    const both = of.sealedSecretBefore && of.secretBeforeUntil && of.secretBeforeUntil > now;
    const sealed = both ? [of.sealedSecret, of.sealedSecretBefore!] : [of.sealedSecret];
    const opened = sealed.map((bytes, back) => this.vault.open(placeOf(of, of.secretVersion - back), bytes));
    return (await Promise.all(opened)).map((bytes) => new Private(bytes.toString()));
  }
}

const placeOf = ({ tenantId, webhookId }: Pick<Sealed, 'tenantId' | 'webhookId'>, version: number) =>
  ({ tenantId, purpose: 'webhooks', row: `webhook:${webhookId}`, version }) as const;
