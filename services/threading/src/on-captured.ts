// Takes what became of captures: it answers who tracked a Message-ID, and settles mails whose verdict hung on their text.
import { Controller } from '@nestjs/common';
import { done, type LoggedEvent, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { CaptureFailedSchema, MailCapturedSchema } from '@rejoinder/contracts/events/sync';
import { Database } from '@rejoinder/runtime/database';
import { lockGraphs, ownInboxes } from './graph/graph-store.js';
import { GraphWriter } from './graph/graph-writer.js';
import type { Tx } from './tx.js';
import { saveCaptures, type Captured } from './tracked/tracked-store.js';

@Controller()
export class OnCaptured {
  constructor(
    private readonly database: Database<Tx>,
    private readonly graph: GraphWriter,
  ) {}

  @On(MailCapturedSchema)
  async mailCaptured(batch: Received<typeof MailCapturedSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#take(
      batch.map(({ event, message }) => ({
        event,
        capture: { ...captureOf(event, message.mailId, message.revision), quotes: message.carriesQuote },
      })),
    );
  }

  @On(CaptureFailedSchema)
  async captureFailed(batch: Received<typeof CaptureFailedSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#take(
      batch.map(({ event, message }) => ({
        event,
        capture: { ...captureOf(event, message.mailId, message.revision), failed: message.reason },
      })),
    );
  }

  async #take(told: { event: LoggedEvent; capture: Captured }[]): Promise<Outcome | Outcome[]> {
    const tenants = [...new Set(told.map(({ capture }) => capture.tenantId))];
    const traces = new Map(told.map(({ event, capture }) => [capture.mailId, event.traceparent]));
    await this.database.write({ tenants }, async (tx) => {
      await lockGraphs(tx, tenants);
      const settled = await saveCaptures(
        tx,
        told.map(({ capture }) => capture),
      );
      if (settled.length === 0) return;
      await this.graph.judgeAgain(tx, settled, await ownInboxes(tx, tenants), ({ mailId }) => traces.get(mailId));
    });
    return done;
  }
}

function captureOf({ tenantId }: LoggedEvent, mailId: string, revision: bigint): Captured {
  return { tenantId, mailId, revision: Number(revision) };
}
