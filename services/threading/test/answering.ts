// Stands in for sync where threading asks for a text: says whether it quotes.
import { create, fromBinary } from '@bufbuild/protobuf';
import type { LoggedEvent } from '@rejoinder/bus/event';
import { CaptureMailSchema } from '@rejoinder/contracts/commands';
import { CaptureFailedSchema, MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import type { TestStore } from './store.js';

/** Answers every command for a text that was not answered before, until none is left. */
export async function answerAsked(
  store: TestStore,
  tenantId: string,
  quotes: ReadonlyMap<string, boolean>,
  answered: Set<string>,
): Promise<void> {
  for (;;) {
    const sql = `select seq::text, value from threading.outbox where tenant_id = $1 and type = 'CaptureMail' order by seq`;
    const rows = await store.query<{ seq: string; value: Buffer }>(sql, [tenantId]);
    const fresh = rows.filter(({ seq }) => !answered.has(seq));
    if (fresh.length === 0) return;
    for (const { seq, value } of fresh) {
      answered.add(seq);
      const { mailId, revision, onlyIfQuoting } = fromBinary(CaptureMailSchema, value);
      const event = { tenantId, historical: false } as LoggedEvent;
      if (onlyIfQuoting && !quotes.get(mailId)) {
        const message = create(CaptureFailedSchema, { mailId, revision, reason: 'not_quoting' });
        await store.captured.captureFailed([{ event, message }]);
      } else
        await store.captured.mailCaptured([
          { event, message: create(MailCapturedSchema, { mailId, revision, carriesQuote: quotes.get(mailId) ?? false }) },
        ]);
    }
  }
}
