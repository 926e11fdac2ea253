// The attachment role: admits, streams, stores and hands out attachments.
import { Inject, Module } from '@nestjs/common';
import { AttachmentService } from '@rejoinder/contracts/api/attachment';
import { StoreService } from '@rejoinder/contracts/store';
import type { Role } from '@rejoinder/runtime/role';
import { SETTINGS } from '@rejoinder/runtime/tokens';
import { Watches } from '@rejoinder/runtime/watches';
import { AttachmentStore } from './attachment-store.js';
import { settings } from './config.js';
import { DeleteWorker } from './delete-worker.js';
import { DownloadApi } from './download-api.js';
import { PrismaClient } from './generated/client.js';
import { noKey, OBJECT_STORE, openObjectStore, type ObjectStore } from './object-store.js';
import { OnMailCaptured } from './on-mail-captured.js';
import { OnSendAccepted } from './on-send-accepted.js';
import { StoreApi } from './store-api.js';
import { UploadApi } from './upload-api.js';

@Module({
  controllers: [OnMailCaptured, OnSendAccepted, UploadApi, DownloadApi, StoreApi],
  providers: [AttachmentStore, DeleteWorker, { provide: OBJECT_STORE, useFactory: openObjectStore, inject: [SETTINGS] }],
})
class AttachmentModule {
  constructor(watches: Watches, @Inject(OBJECT_STORE) objects: ObjectStore) {
    watches.add('the store', async () => void (await objects.has(noKey)));
  }
}

export const role: Role = {
  name: 'attachment',
  settings,
  migrations: new URL('../prisma/migrations', import.meta.url),
  prisma: (adapter) => new PrismaClient({ adapter }),
  grpc: [AttachmentService, StoreService],
  module: AttachmentModule,
};
