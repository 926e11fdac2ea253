// sync: holds every inbox's IMAP session, tells of mails by their headers, and reads those that are tracked.
import { SyncService } from '@rejoinder/contracts/api/sync';
import { StoreService } from '@rejoinder/contracts/store';
import type { Role } from '@rejoinder/runtime/role';
import { settings } from './config.js';
import { PrismaClient } from './generated/client.js';
import { SyncModule } from './module.js';

export const role: Role = {
  name: 'sync',
  settings,
  migrations: new URL('../prisma/migrations', import.meta.url),
  prisma: (adapter) => new PrismaClient({ adapter }),
  findsByKey: true,
  grpc: [SyncService, StoreService],
  module: SyncModule,
};
