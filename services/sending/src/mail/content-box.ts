// Seals what a send says: under its own key while it is not settled, then under the key of the day it was settled on.
import { Inject, Injectable } from '@nestjs/common';
import { dayOf, type Clock } from '@rejoinder/base/clock';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { Vault, type Bytes } from '@rejoinder/vault/vault';
import type { SendContent } from './content.js';

export interface SendKey {
  tenantId: string;
  sendId: string;
}

/** Where the sealed content of a send lies: with the unsettled, or with those settled on a day. */
export interface SealedContent {
  sealed: Uint8Array;
  /** Undefined while it is not settled. */
  day?: string;
}

/** Content sealed anew for the day on which its send is settled. */
export interface MovedContent {
  sealed: Bytes;
  settledAt: Date;
  day: string;
}

@Injectable()
export class ContentBox {
  constructor(
    private readonly vault: Vault,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  seal(tenantId: string, content: SendContent): Promise<Bytes> {
    return this.vault.seal(unsettled({ tenantId, sendId: content.sendId }), Buffer.from(JSON.stringify(content)));
  }

  async open(key: SendKey, { sealed, day }: SealedContent): Promise<SendContent> {
    const place = day === undefined ? unsettled(key) : settledOn(key, day);
    return JSON.parse((await this.vault.open(place, sealed)).toString()) as SendContent;
  }

  /** For now: its seven days begin here. */
  async move(key: SendKey, sealed: Uint8Array): Promise<MovedContent> {
    const plain = await this.vault.open(unsettled(key), sealed);
    const settledAt = this.clock.now();
    const day = dayOf(settledAt);
    return { sealed: await this.vault.seal(settledOn(key, day), plain), settledAt, day };
  }
}

function unsettled({ tenantId, sendId }: SendKey) {
  return { tenantId, purpose: 'sends', row: `send_content:${sendId}` } as const;
}

function settledOn({ tenantId, sendId }: SendKey, day: string) {
  return { tenantId, purpose: 'sent', day, row: `raw_mail:${sendId}` } as const;
}
