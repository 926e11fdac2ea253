// The retention role: proves, on request and every night, that every store keeps its limit.
import { Module } from '@nestjs/common';
import { RetentionService } from '@rejoinder/contracts/api/retention';
import { StoreService } from '@rejoinder/contracts/store';
import type { Role } from '@rejoinder/runtime/role';
import { settings } from './config.js';
import { PrismaClient } from './generated/client.js';
import { NightlyWorker } from './nightly-worker.js';
import { OwnersClient } from './owners-client.js';
import { ProofStore } from './proof-store.js';
import { Prover } from './prover.js';
import { RetentionApi } from './retention-api.js';
import { StoreApi } from './store-api.js';

@Module({ controllers: [RetentionApi, StoreApi], providers: [OwnersClient, ProofStore, Prover, NightlyWorker] })
class RetentionModule {}

export const role: Role = {
  name: 'retention',
  settings,
  migrations: new URL('../prisma/migrations', import.meta.url),
  prisma: (adapter) => new PrismaClient({ adapter }),
  grpc: [RetentionService, StoreService],
  module: RetentionModule,
};
