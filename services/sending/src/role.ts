// The role sending: takes mails on, and hands each to its inbox's own server at most once.
import { Module } from '@nestjs/common';
import { SendingService } from '@rejoinder/contracts/api/sending';
import { StoreService } from '@rejoinder/contracts/store';
import type { PrismaClientLike } from '@rejoinder/runtime/database';
import type { Role } from '@rejoinder/runtime/role';
import { settings } from './config.js';
import { ContentBox } from './content-box.js';
import { DeliveryStore } from './delivery-store.js';
import { PrismaClient } from './generated/client.js';
import { OnInbox } from './on-inbox.js';
import { OnSentCopyObserved } from './on-sent-copy-observed.js';
import { OutletStore } from './outlet-store.js';
import { OutletWorker } from './outlet-worker.js';
import { PeerClient } from './peer-client.js';
import { ReadApi } from './read-api.js';
import { SendApi } from './send-api.js';
import { SendStore } from './send-store.js';
import { StoreApi } from './store-api.js';

@Module({
  controllers: [SendApi, ReadApi, StoreApi, OnInbox, OnSentCopyObserved],
  providers: [SendStore, DeliveryStore, OutletStore, ContentBox, PeerClient, OutletWorker],
})
class SendingModule {}

export const role: Role = {
  name: 'sending',
  settings,
  migrations: new URL('../prisma/migrations', import.meta.url),
  // Prisma's overloads hide the one signature that is used.
  prisma: (adapter) => new PrismaClient({ adapter }) as unknown as PrismaClientLike<never>,
  grpc: [SendingService, StoreService],
  module: SendingModule,
};
