// The gateway role: REST, events and the console for people and programs outside.
import type { INestApplication } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { StoreService } from '@rejoinder/contracts/store';
import type { Role } from '@rejoinder/runtime/role';
import { settings, type GatewaySettings } from './config.js';
import { EventsApi } from './feed/events-api.js';
import { Feed } from './feed/feed.js';
import { OnPublicEvents } from './feed/on-public-events.js';
import { StoreApi } from './feed/store-api.js';
import { PrismaClient } from './generated/client.js';
import { ApiKeyStore } from './people/api-key-store.js';
import { ApiKeysApi } from './people/api-keys-api.js';
import { FirstTenant } from './people/first-tenant.js';
import { DemoApi, SessionApi } from './people/session-api.js';
import { SignInApi } from './people/sign-in-api.js';
import { SignIn } from './people/sign-in.js';
import { LinkSignInApi } from './reconnect/link-sign-in-api.js';
import { ReconnectApi } from './reconnect/reconnect-api.js';
import { AttachmentsApi } from './rest/attachments-api.js';
import { ContactsApi } from './rest/contacts-api.js';
import { EngagementsApi } from './rest/engagements-api.js';
import { ConnectionLogApi } from './rest/connection-log-api.js';
import { InboxesApi } from './rest/inboxes-api.js';
import { MailApi } from './rest/mail-api.js';
import { LoggingAddressApi, QuarantineApi } from './rest/quarantine-api.js';
import { RetentionApi } from './rest/retention-api.js';
import { SignInAtProviderApi } from './rest/sign-in-at-provider-api.js';
import { SettingsApi } from './rest/settings-api.js';
import { Explained, LeftAnswersApi, MailsApi, PinsApi, ThreadsApi } from './rest/threads-api.js';
import { TrackedMailApi } from './rest/tracked-mail-api.js';
import { Doors } from './web/doors.js';
import { HealthApi } from './web/health-api.js';
import { OpenApiApi } from './web/openapi-api.js';
import { serve } from './web/server.js';
import { DeliveriesApi } from './webhooks/deliveries-api.js';
import { DeliveryStore } from './webhooks/delivery-store.js';
import { ReceiverClient } from './webhooks/receiver-client.js';
import { ReplayStore } from './webhooks/replay-store.js';
import { SecretBox } from './webhooks/secret-box.js';
import { WebhookStore } from './webhooks/webhook-store.js';
import { WebhookWorker } from './webhooks/webhook-worker.js';
import { WebhooksApi } from './webhooks/webhooks-api.js';

const rest = [
  SessionApi,
  DemoApi,
  SignInAtProviderApi,
  InboxesApi,
  ConnectionLogApi,
  ContactsApi,
  EngagementsApi,
  AttachmentsApi,
  MailApi,
  TrackedMailApi,
  ThreadsApi,
  MailsApi,
  LeftAnswersApi,
  PinsApi,
  LoggingAddressApi,
  QuarantineApi,
  RetentionApi,
  SettingsApi,
  EventsApi,
  WebhooksApi,
  DeliveriesApi,
  ApiKeysApi,
];
const doors = [OpenApiApi, SignInApi, LinkSignInApi, ReconnectApi, HealthApi];

const webhooks = [WebhookStore, DeliveryStore, ReplayStore, SecretBox, ReceiverClient, WebhookWorker];

@Module({
  imports: [DiscoveryModule],
  controllers: [...rest, ...doors, OnPublicEvents, StoreApi],
  providers: [FirstTenant, ApiKeyStore, SignIn, Doors, Feed, Explained, ...webhooks],
})
class GatewayModule {}

export const role: Role = {
  name: 'gateway',
  settings,
  migrations: new URL('../prisma/migrations', import.meta.url),
  prisma: (adapter) => new PrismaClient({ adapter }),
  grpc: [StoreService],
  module: GatewayModule,
  http: (app: INestApplication, given: GatewaySettings) => serve(app, given),
};
