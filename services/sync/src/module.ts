// Puts the role together: doors (commands, gRPC), stores, the sessions that are held, and the workers behind them.
import { Module } from '@nestjs/common';
import { BodyStore } from './capture/body-store.js';
import { CaptureStore } from './capture/capture-store.js';
import { CaptureWorker } from './capture/capture-worker.js';
import { CaptureMailHandler } from './capture/on-capture-mail.js';
import { LocationStore } from './capture/location-store.js';
import { PartStore } from './capture/part-store.js';
import { PartWorker } from './capture/part-worker.js';
import { AuditStore } from './inbox/audit-store.js';
import { ConnectionLog } from './inbox/connection-log-store.js';
import { CredentialClient } from './inbox/credential-client.js';
import { FolderChoiceStore } from './inbox/folder-choice-store.js';
import { FolderStore } from './inbox/folder-store.js';
import { Holders } from './inbox/holders.js';
import { InboxWorker } from './inbox/inbox-worker.js';
import { ObservedStore } from './inbox/observed-store.js';
import { AssignedHandler } from './inbox/on-assigned.js';
import { StartInboxHandler } from './inbox/on-start-inbox.js';
import { Owner } from './inbox/owner-store.js';
import { RemovalStore } from './inbox/removal-store.js';
import { ServerStore } from './inbox/server-store.js';
import { SessionStore } from './inbox/session-store.js';
import { UnreadStore } from './inbox/unread-store.js';
import { AddressStore } from './intake/address-store.js';
import { ChunkStore } from './intake/chunk-store.js';
import { IntakeApi } from './intake/intake-api.js';
import { IntakeStore } from './intake/intake-store.js';
import { LoggingStore } from './intake/logging-store.js';
import { OnLoggingChanged } from './intake/on-logging-changed.js';
import { KeptCopies } from './intake/kept-copy.js';
import { QuarantineStore } from './intake/quarantine-store.js';
import { StoredMails } from './intake/stored-mails.js';
import { ProgressStore } from './progress-store.js';
import { FindMailHandler } from './search/on-find-mail.js';
import { SearchStore } from './search/search-store.js';
import { SearchWorker } from './search/search-worker.js';
import { FileSentCopyHandler } from './sent/on-file-sent-copy.js';
import { SentCopyStore } from './sent/sent-copy-store.js';
import { SentCopyWorker } from './sent/sent-copy-worker.js';
import { StoreApi } from './store-api.js';
import { SyncApi } from './sync-api.js';

const handlers = [AssignedHandler, StartInboxHandler, CaptureMailHandler, FileSentCopyHandler, FindMailHandler, OnLoggingChanged];
const stores = [
  SessionStore,
  FolderStore,
  FolderChoiceStore,
  AuditStore,
  ConnectionLog,
  ObservedStore,
  UnreadStore,
  RemovalStore,
  ServerStore,
  CaptureStore,
  LocationStore,
  BodyStore,
  PartStore,
  SentCopyStore,
  SearchStore,
  ProgressStore,
  AddressStore,
  ChunkStore,
  IntakeStore,
  QuarantineStore,
  LoggingStore,
];
const workers = [InboxWorker, CaptureWorker, PartWorker, SentCopyWorker, SearchWorker];

@Module({
  controllers: [...handlers, SyncApi, IntakeApi, StoreApi],
  providers: [Owner, CredentialClient, Holders, StoredMails, KeptCopies, ...stores, ...workers],
})
export class SyncModule {}
