// Commands that say which inboxes are to be held, let go or forgotten: each becomes a wish in the inbox's session row.
import { Controller } from '@nestjs/common';
import { isId } from '@rejoinder/base/id';
import { deadLetter, done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { StartInboxSchema, StopInboxSchema } from '@rejoinder/contracts/commands';
import { Database } from '@rejoinder/runtime/database';
import type { Hasher } from '@rejoinder/vault/hasher';
import { Vault } from '@rejoinder/vault/vault';
import { maxFolders } from '../imap/folder-plan.js';
import { partitionOfInbox } from './owner-store.js';
import { SessionStore, type WantedSession } from './session-store.js';

@Controller()
export class StartInboxHandler {
  constructor(
    private readonly database: Database,
    private readonly sessions: SessionStore,
    private readonly vault: Vault,
  ) {}

  @On(StartInboxSchema)
  startInbox(batch: Received<typeof StartInboxSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#want(batch, ({ event, message }, hasher) => ({
      ...wishOf(event, message.inboxId),
      wanted: 'hold',
      credentialVersion: message.credentialVersion,
      attachments: message.settings?.attachments ?? true,
      historyDays: Math.max(0, message.settings?.historyDays ?? 0),
      logFolder: message.settings?.logFolder ?? '',
      folders: (message.settings?.folders ?? []).slice(0, maxFolders),
      // A dead tenant has no key; its inboxes are on their way out.
      ownHashes: hasher ? (message.settings?.ownAddresses ?? []).map((address) => hasher.hash('address', address.toLowerCase())) : [],
    }));
  }

  @On(StopInboxSchema)
  stopInbox(batch: Received<typeof StopInboxSchema>[]): Promise<Outcome | Outcome[]> {
    return this.#want(batch, ({ event, message }) => ({
      ...wishOf(event, message.inboxId),
      wanted: message.removed ? 'removing' : 'stopped',
    }));
  }

  async #want<R extends Received<typeof StartInboxSchema | typeof StopInboxSchema>>(
    batch: R[],
    wishFor: (received: R, hasher: Hasher | undefined) => WantedSession,
  ): Promise<Outcome[]> {
    const hashers = await this.vault.hashers(batch.map(({ event }) => event.tenantId));
    const wishes = batch.map((received) =>
      isId(received.message.inboxId) ? wishFor(received, hashers.get(received.event.tenantId)) : undefined,
    );
    await this.database.write({ tenants: batch.map(({ event }) => event.tenantId) }, async (tx) => {
      for (const wish of wishes) if (wish) await this.sessions.want(tx, wish);
    });
    return wishes.map((wish) => (wish ? done : deadLetter('inbox_id is no id')));
  }
}

function wishOf({ tenantId, sequence, traceparent }: Received['event'], inboxId: string): WantedSession {
  return {
    tenantId,
    inboxId,
    partition: partitionOfInbox(inboxId),
    wanted: 'stopped',
    sequence,
    traceparent,
    credentialVersion: 0n,
    attachments: true,
    historyDays: 0,
    logFolder: '',
    folders: [],
    ownHashes: [],
  };
}
