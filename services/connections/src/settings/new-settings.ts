// What an inbox may do from its connecting on: as it was said, else as its tenant has it.
import { Inject, Injectable } from '@nestjs/common';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Clock } from '@rejoinder/base/clock';
import type { Settings } from '@rejoinder/contracts/events/connections';
import type { HouseSettings } from '@rejoinder/runtime/house-settings';
import { CLOCK, HOUSE_SETTINGS } from '@rejoinder/runtime/tokens';
import { changedSettings, firstSettings, type InboxSettings } from './inbox-settings.js';
import { OwnAddressCheck } from './own-address-check.js';
import { SettingsStore } from './settings-store.js';

@Injectable()
export class NewSettings {
  constructor(
    private readonly store: SettingsStore,
    private readonly check: OwnAddressCheck,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(HOUSE_SETTINGS) private readonly house: HouseSettings,
  ) {}

  /** Left out, they are the defaults: the tenant's capture, with attachments, and headers of the last 30 days. */
  async of(tenantId: string, given: Settings | undefined): Promise<InboxSettings> {
    const first = firstSettings((await this.store.tenantWide(tenantId)).capture);
    const { capture, captureSince, ...rest } = given ?? {};
    const said = { ...rest, capture: capture || undefined, captureSince: captureSince && timestampDate(captureSince) };
    const settings = changedSettings(first, said, { now: this.clock.now(), headerDays: this.house.metadataDays });
    await this.check.refuseTaken(tenantId, settings.ownAddresses);
    return settings;
  }
}
