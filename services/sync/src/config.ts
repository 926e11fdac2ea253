// Settings of sync: how hard it may press on mail servers, how much it takes in at once, and what may be fetched.
import { numberSetting, type Values } from '@rejoinder/runtime/config';
import { mailSettings } from '@rejoinder/runtime/mail-settings';

export const settings = {
  ...mailSettings,
  loginsPerHost: numberSetting('REJOINDER_SYNC_LOGINS_PER_HOST', 'logins at one mail server at the same time', {
    default: 5,
    min: 1,
    max: 100,
  }),
  captures: numberSetting('REJOINDER_SYNC_CAPTURES', 'mails whose text is fetched at the same time', { default: 8, min: 1, max: 200 }),
  parts: numberSetting('REJOINDER_SYNC_PARTS', 'attachments that are streamed at the same time', { default: 4, min: 1, max: 100 }),
  folderPollSeconds: numberSetting('REJOINDER_SYNC_FOLDER_POLL_SECONDS', 'seconds between looks at a folder that is not in IDLE', {
    default: 30,
    min: 1,
    max: 600,
  }),
  historyBatch: numberSetting('REJOINDER_SYNC_HISTORY_BATCH', 'old mails whose headers are taken at once', {
    default: 500,
    min: 1,
    max: 500,
  }),
  mailLimitBytes: numberSetting('REJOINDER_MAIL_LIMIT_BYTES', 'attachments of a mail of this size or more are not logged', {
    default: 50_000_000,
    min: 1_000,
    max: 1_000_000_000,
  }),
  partLimitBytes: numberSetting('REJOINDER_PART_LIMIT_BYTES', 'an attachment over this size is not logged', {
    default: 50_000_000,
    min: 1_000,
    max: 1_000_000_000,
  }),
  sentCopyWaitSeconds: numberSetting(
    'REJOINDER_SYNC_SENT_COPY_WAIT_SECONDS',
    "seconds that the provider's own copy in Sent is waited for",
    {
      default: 5,
      min: 0,
      max: 600,
    },
  ),
};

export type SyncSettings = Values<typeof settings>;
