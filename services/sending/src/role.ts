// The role sending: takes mails on, and hands each to its inbox's own server at most once.
import { Module } from '@nestjs/common';
import { SendingService } from '@rejoinder/contracts/api/sending';
import { StoreService } from '@rejoinder/contracts/store';
import type { Role } from '@rejoinder/runtime/role';
import { settings } from './config.js';
import { ContentBox } from './mail/content-box.js';
import { DeliveryStore } from './delivery/delivery-store.js';
import { PrismaClient } from './generated/client.js';
import { NoticeStore } from './notice/notice-store.js';
import { NoticeWorker } from './notice/notice-worker.js';
import { RelayClient } from './notice/relay-client.js';
import { OnInbox } from './delivery/on-inbox.js';
import { OnSentCopyObserved } from './delivery/on-sent-copy-observed.js';
import { OutletStore } from './delivery/outlet-store.js';
import { OutletWorker } from './delivery/outlet-worker.js';
import { PeerClient } from './peer-client.js';
import { OnMailCaptured } from './report/on-mail-captured.js';
import { ReportStore } from './report/report-store.js';
import { ReadApi } from './read-api.js';
import { SendApi } from './send-api.js';
import { SendStore } from './send-store.js';
import { StoreApi } from './store-api.js';

@Module({
  controllers: [SendApi, ReadApi, StoreApi, OnInbox, OnSentCopyObserved, OnMailCaptured],
  providers: [
    SendStore,
    ReportStore,
    DeliveryStore,
    OutletStore,
    ContentBox,
    PeerClient,
    OutletWorker,
    NoticeStore,
    NoticeWorker,
    RelayClient,
  ],
})
class SendingModule {}

export const role: Role = {
  name: 'sending',
  settings,
  migrations: new URL('../prisma/migrations', import.meta.url),
  prisma: (adapter) => new PrismaClient({ adapter }),
  grpc: [SendingService, StoreService],
  module: SendingModule,
};
