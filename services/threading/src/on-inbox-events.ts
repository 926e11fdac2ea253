// Takes the tenant's own inboxes: their addresses are nobody's people, and a mail among them alone is cut off from nothing; and how each captures.
import { Controller, Inject } from '@nestjs/common';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import { done, type Outcome, type Received } from '@rejoinder/bus/event';
import { On } from '@rejoinder/bus/on';
import { InboxConnectedSchema, InboxRemovedSchema, SettingsChangedSchema, type Settings } from '@rejoinder/contracts/events/connections';
import { Database } from '@rejoinder/runtime/database';
import { CLOCK } from '@rejoinder/runtime/tokens';
import { bytesText } from '@rejoinder/runtime/rows';
import type { Hasher } from '@rejoinder/vault/hasher';
import { Vault } from '@rejoinder/vault/vault';
import { lockGraphs } from './graph/graph-store.js';
import { removeInboxes, saveInboxSettings, saveOwnAddresses, type InboxSettings } from './inbox-store.js';
import type { Tx } from './tx.js';

@Controller()
export class OnInboxEvents {
  constructor(
    private readonly database: Database<Tx>,
    private readonly vault: Vault,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @On(InboxConnectedSchema)
  async inboxConnected(batch: Received<typeof InboxConnectedSchema>[]): Promise<Outcome | Outcome[]> {
    const hashers = await this.vault.hashers(batch.map(({ event }) => event.tenantId));
    const rows = batch.flatMap(({ event: { tenantId }, message: { inboxId, address } }) => {
      const hash = hashers.get(tenantId)?.hash('address', address.toLowerCase());
      // A dead tenant has no key, and no graph any more.
      return hash ? [{ tenantId, inboxId, hash }] : [];
    });
    const tenants = [...new Set(rows.map(({ tenantId }) => tenantId))];
    if (tenants.length === 0) return done;
    const settings = batch.flatMap((one) => settingsOf(one, hashers));
    await this.database.write({ tenants }, async (tx) => {
      await lockGraphs(tx, tenants);
      await saveOwnAddresses(tx, rows, this.clock.now());
      await saveInboxSettings(tx, settings, this.clock.now());
    });
    return done;
  }

  @On(SettingsChangedSchema)
  async settingsChanged(batch: Received<typeof SettingsChangedSchema>[]): Promise<Outcome | Outcome[]> {
    const hashers = await this.vault.hashers(batch.map(({ event }) => event.tenantId));
    const settings = batch.flatMap((one) => settingsOf(one, hashers));
    const tenants = [...new Set(settings.map(({ tenantId }) => tenantId))];
    if (tenants.length === 0) return done;
    await this.database.write({ tenants }, async (tx) => {
      await lockGraphs(tx, tenants);
      await saveInboxSettings(tx, settings, this.clock.now());
    });
    return done;
  }

  @On(InboxRemovedSchema)
  async inboxRemoved(batch: Received<typeof InboxRemovedSchema>[]): Promise<Outcome | Outcome[]> {
    const tenants = [...new Set(batch.map(({ event }) => event.tenantId))];
    const inboxIds = batch.map(({ message }) => message.inboxId);
    await this.database.write({ tenants }, (tx) => removeInboxes(tx, inboxIds));
    return done;
  }
}

interface Told {
  event: Received['event'];
  message: { inboxId: string; settings?: Settings | undefined };
}

function settingsOf({ event, message }: Told, hashers: ReadonlyMap<string, Hasher>): InboxSettings[] {
  const hasher = hashers.get(event.tenantId);
  if (!hasher) return [];
  const { capture, captureSince, ownAddresses = [] } = message.settings ?? {};
  const since = capture === 'all' && captureSince ? timestampDate(captureSince).toISOString() : null;
  const others = ownAddresses.map((address) => bytesText(hasher.hash('address', address.toLowerCase())));
  return [{ tenantId: event.tenantId, inboxId: message.inboxId, revision: Number(event.sequence), since, others }];
}
