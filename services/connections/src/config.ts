// Settings of connections.
import { numberSetting, optionalSetting, type Values } from '@rejoinder/runtime/config';
import { mailSettings } from '@rejoinder/runtime/mail-settings';

export const settings = {
  ...mailSettings,
  liveTests: numberSetting('REJOINDER_CONNECTIONS_LIVE_TESTS', 'logins that are tested at once in this process', {
    default: 50,
    min: 1,
    max: 1_000,
  }),
  nameServers: optionalSetting(
    'REJOINDER_CONNECTIONS_NAME_SERVERS',
    'addresses joined by commas that are asked for the servers of a domain, instead of those of this machine',
    { pattern: /^[\d.:[\]a-fA-F]+(,[\d.:[\]a-fA-F]+)*$/, said: 'addresses joined by commas, each with or without a port' },
  ),
  autoconfigPort: numberSetting(
    'REJOINDER_CONNECTIONS_AUTOCONFIG_PORT',
    'port of HTTPS on which a domain is asked for its autoconfig file; 0 asks none',
    {
      default: 443,
      min: 0,
      max: 65_535,
    },
  ),
};

export type ConnectionsSettings = Values<typeof settings>;
