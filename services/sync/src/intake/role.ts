// intake: the SMTP server of logging addresses, on sync's tables but in a process of its own, since it is open to the world.
import { Module } from '@nestjs/common';
import type { Role } from '@rejoinder/runtime/role';
import { intakeSettings } from '../config.js';
import { PrismaClient } from '../generated/client.js';
import { ConnectionLog } from '../inbox/connection-log-store.js';
import { Owner } from '../inbox/owner-store.js';
import { SessionStore } from '../inbox/session-store.js';
import { AddressStore } from './address-store.js';
import { ChunkStore } from './chunk-store.js';
import { Forwards } from './forwards.js';
import { IntakeStore } from './intake-store.js';
import { IntakeWorker } from './intake-worker.js';
import { LoggingStore } from './logging-store.js';
import { Members } from './members.js';
import { OriginalStore } from './original-store.js';
import { Receiver } from './receiver.js';
import { SenderClient } from './sender-client.js';
import { SmtpDoor } from './smtp-door.js';
import { StoredMails } from './stored-mails.js';

const stores = [SessionStore, ConnectionLog, Owner, AddressStore, ChunkStore, IntakeStore, OriginalStore, LoggingStore];

@Module({ providers: [...stores, Members, StoredMails, Forwards, SenderClient, Receiver, SmtpDoor, IntakeWorker] })
class IntakeModule {}

export const role: Role = {
  name: 'sync',
  part: 'intake',
  settings: intakeSettings,
  migrations: new URL('../../prisma/migrations', import.meta.url),
  prisma: (adapter) => new PrismaClient({ adapter }),
  findsByKey: true,
  grpc: [],
  module: IntakeModule,
};
