// Settings of connections.
import { numberSetting, optionalSetting, secretSetting, textSetting, type Values } from '@rejoinder/runtime/config';
import { mailSettings } from '@rejoinder/runtime/mail-settings';
import { nameServersSetting } from '@rejoinder/runtime/outside';

export const settings = {
  ...mailSettings,
  liveTests: numberSetting(
    'REJOINDER_CONNECTIONS_LIVE_TESTS',
    'logins that are tested at once in this process; a tenant has at most as many as it leaves free',
    {
      default: 50,
      min: 1,
      max: 1_000,
    },
  ),
  nameServers: nameServersSetting(
    'REJOINDER_CONNECTIONS_NAME_SERVERS',
    'addresses joined by commas that are asked for the servers of a domain, instead of those of this machine',
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
  ispdbUrl: textSetting(
    'REJOINDER_CONNECTIONS_ISPDB_URL',
    "where Thunderbird's database of mail providers is asked for a domain's servers, by the domain alone; off asks nobody",
    'https://autoconfig.thunderbird.net/v1.1/',
    { pattern: /^(off|https:\/\/[^\s?#]+\/)$/, said: 'an https URL that ends in /, or off' },
  ),
  googleClientId: optionalSetting(
    'REJOINDER_OAUTH_GOOGLE_CLIENT_ID',
    'client id of this installation at Google; nobody signs in there if empty',
  ),
  googleClientSecret: secretSetting('REJOINDER_OAUTH_GOOGLE_CLIENT_SECRET', 'its client secret', ''),
  microsoftClientId: optionalSetting(
    'REJOINDER_OAUTH_MICROSOFT_CLIENT_ID',
    'application (client) id of this installation at Microsoft; nobody signs in there if empty',
  ),
  microsoftClientSecret: secretSetting('REJOINDER_OAUTH_MICROSOFT_CLIENT_SECRET', 'its client secret', ''),
  microsoftTenant: textSetting(
    'REJOINDER_OAUTH_MICROSOFT_TENANT',
    'whose accounts may sign in at Microsoft: common, organizations, consumers or the id of one tenant',
    'common',
    { pattern: /^[A-Za-z0-9.-]{1,100}$/, said: 'a word or an id' },
  ),
  oauthProvidersFile: optionalSetting(
    'REJOINDER_OAUTH_PROVIDERS_FILE',
    'file (JSON) of other OpenID Connect providers to sign in at; it holds secrets',
  ),
};

export type ConnectionsSettings = Values<typeof settings>;
