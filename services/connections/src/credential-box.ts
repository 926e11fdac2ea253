// Seals user name and password for their row, and opens them again.
import { Injectable } from '@nestjs/common';
import { Private } from '@rejoinder/base/private';
import { Vault, type Bytes } from '@rejoinder/vault/vault';

export interface OpenCredential {
  username: string;
  password: Private<string>;
}

@Injectable()
export class CredentialBox {
  constructor(private readonly vault: Vault) {}

  /** Bound to the inbox and the version: an older password does not open in its place. */
  async seal(tenantId: string, inboxId: string, version: bigint, { username, password }: OpenCredential): Promise<Bytes> {
    const plain = Buffer.from(JSON.stringify({ username, password: password.reveal() }));
    return this.vault.seal(placeOf(tenantId, inboxId, version), plain);
  }

  async open(tenantId: string, inboxId: string, version: bigint, sealed: Uint8Array): Promise<OpenCredential> {
    const plain = await this.vault.open(placeOf(tenantId, inboxId, version), sealed);
    const { username, password } = JSON.parse(plain.toString()) as { username: string; password: string };
    return { username, password: new Private(password) };
  }
}

function placeOf(tenantId: string, inboxId: string, version: bigint) {
  return { tenantId, purpose: 'credentials', row: `credential:${inboxId}`, version: Number(version) } as const;
}
