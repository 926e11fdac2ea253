// Asks whoever has a mail's text for it.
import { Injectable } from '@nestjs/common';
import { Fault } from '@rejoinder/base/fault';
import { SendingService } from '@rejoinder/contracts/api/sending';
import { SyncService } from '@rejoinder/contracts/api/sync';
import { Peers } from '@rejoinder/runtime/peers';
import type { Source } from './mail-state.js';
import type { MailText } from './sealed.js';

@Injectable()
export class TextClient {
  constructor(private readonly peers: Peers) {}

  /** The text as its sender wrote it; undefined where it is no longer kept. */
  async read(source: Source, tenantId: string, mailId: string, deadlineMs: number, signal: AbortSignal): Promise<MailText | undefined> {
    const request = { tenantId, mailId };
    const options = { deadlineMs, signal };
    try {
      if (source === 'sync') return await this.peers.client(SyncService).readMail(request, options);
      return await this.peers.client(SendingService).readSentMail(request, options);
    } catch (error) {
      if (error instanceof Fault && (error.kind === 'not_found' || error.kind === 'gone')) return undefined;
      throw error;
    }
  }
}
