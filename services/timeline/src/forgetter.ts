// Removes our own copy of a mail for good: facts, text and what its files are called; the mark stays.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { deleteAttachments, saveMails } from './mail-store.js';
import type { MailState } from './mail-state.js';
import type { Tx } from './rows.js';

@Injectable()
export class Forgetter {
  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  async forget(tx: Tx, mail: MailState): Promise<void> {
    await deleteAttachments(tx, mail);
    const empty = { ...mail, sealedFacts: null, sealedText: null, textState: 'none' as const, toPlace: false, forgotten: true };
    await saveMails(tx, [empty], this.clock.now());
  }
}
