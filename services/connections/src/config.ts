// Settings of connections.
import { numberSetting, type Values } from '@rejoinder/runtime/config';
import { mailSettings } from '@rejoinder/runtime/mail-settings';

export const settings = {
  ...mailSettings,
  liveTests: numberSetting('REJOINDER_CONNECTIONS_LIVE_TESTS', 'logins that are tested at once in this process', {
    default: 50,
    min: 1,
    max: 1_000,
  }),
};

export type ConnectionsSettings = Values<typeof settings>;
