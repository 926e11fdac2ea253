// The role connections: inbox accounts, their credentials, and what state they are in.
import { Module } from '@nestjs/common';
import { ConnectionsService } from '@rejoinder/contracts/api/connections';
import { StoreService } from '@rejoinder/contracts/store';
import type { Role } from '@rejoinder/runtime/role';
import { settings } from './config.js';
import { CredentialBox } from './credential-box.js';
import { AutoconfigClient } from './discovery/autoconfig-client.js';
import { DiscoveryClient } from './discovery/discovery-client.js';
import { DnsClient } from './discovery/dns-client.js';
import { PrismaClient } from './generated/client.js';
import { InboxApi } from './inbox-api.js';
import { InboxStore } from './inbox-store.js';
import { LoginApi } from './login/login-api.js';
import { OnAuthenticationFailed } from './on-authentication-failed.js';
import { LinkStore } from './links/link-store.js';
import { LinksApi } from './links/links-api.js';
import { PortClient } from './ports/port-client.js';
import { ServersApi } from './servers-api.js';
import { NewSettings } from './settings/new-settings.js';
import { OnFolderRenamed } from './settings/on-folder-renamed.js';
import { OwnAddressCheck } from './settings/own-address-check.js';
import { SettingsApi } from './settings/settings-api.js';
import { SettingsStore } from './settings/settings-store.js';
import { BegunBox } from './sign-in/begun-box.js';
import { BegunStore } from './sign-in/begun-store.js';
import { GrantEnder } from './sign-in/grant-ender.js';
import { GrantKeeper } from './sign-in/grant-keeper.js';
import { GrantStore } from './sign-in/grant-store.js';
import { OAuthClient } from './sign-in/oauth-client.js';
import { SignInApi } from './sign-in/sign-in-api.js';
import { StoreApi } from './store-api.js';
import { VerifyClient } from './verify-client.js';

const inboxes = [InboxStore, SettingsStore, OwnAddressCheck, NewSettings, CredentialBox, VerifyClient, PortClient];
const discovery = [DiscoveryClient, AutoconfigClient, DnsClient];
const signIn = [OAuthClient, GrantStore, GrantKeeper, GrantEnder, BegunStore, BegunBox];

@Module({
  controllers: [ServersApi, InboxApi, LoginApi, LinksApi, SettingsApi, SignInApi, StoreApi, OnAuthenticationFailed, OnFolderRenamed],
  providers: [LinkStore, ...inboxes, ...discovery, ...signIn],
})
class ConnectionsModule {}

export const role: Role = {
  name: 'connections',
  settings,
  migrations: new URL('../prisma/migrations', import.meta.url),
  prisma: (adapter) => new PrismaClient({ adapter }),
  grpc: [ConnectionsService, StoreService],
  module: ConnectionsModule,
};
