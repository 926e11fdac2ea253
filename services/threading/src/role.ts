// The role of threading: which thread a mail is of, and whether it may be read.
import { Module } from '@nestjs/common';
import { ThreadingService } from '@rejoinder/contracts/api/threading';
import { StoreService } from '@rejoinder/contracts/store';
import type { Role } from '@rejoinder/runtime/role';
import { settings } from './config.js';
import { FindWorker } from './tracked/find-worker.js';
import { PrismaClient } from './generated/client.js';
import { GraphWriter } from './graph/graph-writer.js';
import { NodeKeeper } from './graph/node-keeper.js';
import { OnCaptured } from './on-captured.js';
import { OnInboxEvents } from './on-inbox-events.js';
import { OnMailsObserved } from './on-mails-observed.js';
import { OnSendAccepted } from './on-send-accepted.js';
import { ExplainApi } from './explain/explain-api.js';
import { PinApi } from './pins/pin-api.js';
import { CountApi } from './people/count-api.js';
import { DeletionApi } from './people/deletion-api.js';
import { DeletionWorker } from './people/deletion-worker.js';
import { OnContactChanged } from './people/on-contact-changed.js';
import { OnLoggingChanged } from './people/on-logging-changed.js';
import { OnNeverLogChanged } from './people/on-never-log-changed.js';
import { RecheckWorker } from './verdict/recheck-worker.js';
import { SightingWriter } from './graph/sighting-writer.js';
import { StoreApi } from './store-api.js';
import { ThreadingApi } from './tracked/threading-api.js';

@Module({
  controllers: [
    OnMailsObserved,
    OnSendAccepted,
    OnCaptured,
    OnInboxEvents,
    OnNeverLogChanged,
    OnLoggingChanged,
    OnContactChanged,
    ThreadingApi,
    CountApi,
    DeletionApi,
    ExplainApi,
    PinApi,
    StoreApi,
  ],
  providers: [GraphWriter, SightingWriter, FindWorker, RecheckWorker, DeletionWorker, NodeKeeper],
})
class ThreadingModule {}

export const role: Role = {
  name: 'threading',
  settings,
  migrations: new URL('../prisma/migrations', import.meta.url),
  prisma: (adapter) => new PrismaClient({ adapter }),
  grpc: [ThreadingService, StoreService],
  module: ThreadingModule,
};
