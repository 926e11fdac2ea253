// The role of timeline: contacts, and what was said with them.
import { Module } from '@nestjs/common';
import { TimelineService } from '@rejoinder/contracts/api/timeline';
import { StoreService } from '@rejoinder/contracts/store';
import type { Role } from '@rejoinder/runtime/role';
import { AttachmentBox } from './mail/attachment-box.js';
import { settings } from './config.js';
import { AddressWriter } from './contact/address-writer.js';
import { ContactApi } from './contact/contact-api.js';
import { EngagementApi } from './engagement/engagement-api.js';
import { EngagementShow } from './engagement/engagement-show.js';
import { EngagementWriter } from './engagement/engagement-writer.js';
import { ForgetWorker } from './forget/forget-worker.js';
import { PrismaClient } from './generated/client.js';
import { HtmlCleaner } from './html/html-cleaner.js';
import { MailWorker } from './mail/mail-worker.js';
import { MailWriter } from './mail/mail-writer.js';
import { OnAttachments } from './on-attachments.js';
import { OnInboxEvents } from './on-inbox-events.js';
import { OnLoggingChanged } from './on-logging-changed.js';
import { OnMailCaptured } from './on-mail-captured.js';
import { OnSendEvents } from './on-send-events.js';
import { OnTracking } from './on-tracking.js';
import { Sealed } from './mail/sealed.js';
import { MailApi } from './mail/mail-api.js';
import { StoreApi } from './store-api.js';
import { TextClient } from './mail/text-client.js';

@Module({
  controllers: [
    OnMailCaptured,
    OnSendEvents,
    OnTracking,
    OnAttachments,
    OnInboxEvents,
    OnLoggingChanged,
    ContactApi,
    EngagementApi,
    MailApi,
    StoreApi,
  ],
  providers: [
    Sealed,
    AttachmentBox,
    MailWriter,
    EngagementWriter,
    AddressWriter,
    EngagementShow,
    HtmlCleaner,
    TextClient,
    MailWorker,
    ForgetWorker,
  ],
})
class TimelineModule {}

export const role: Role = {
  name: 'timeline',
  settings,
  migrations: new URL('../prisma/migrations', import.meta.url),
  prisma: (adapter) => new PrismaClient({ adapter }),
  grpc: [TimelineService, StoreService],
  module: TimelineModule,
};
