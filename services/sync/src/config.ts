// Settings of sync: how hard it may press on mail servers, how much it takes in at once, and what may be fetched; and of its SMTP intake.
import { hostAndPort, listSetting, numberSetting, optionalSetting, textSetting, type Form, type Values } from '@rejoinder/runtime/config';
import { mailSettings } from '@rejoinder/runtime/mail-settings';

const domainName: Form = {
  pattern: /^(?=.{3,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/i,
  said: 'a domain, such as log.example.com',
};
const intakeDomain = ['REJOINDER_INTAKE_DOMAIN', 'domain of the logging addresses, whose MX record leads to the intake'] as const;

export const settings = {
  ...mailSettings,
  intakeDomain: optionalSetting(intakeDomain[0], `${intakeDomain[1]}; there are none if empty`, domainName),
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
    max: 2_000,
  }),
  auditHours: numberSetting('REJOINDER_SYNC_AUDIT_HOURS', "hours between comparisons of a folder's UIDs with what is known, one by one", {
    default: 24,
    min: 1,
    max: 720,
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

const dnsServer = (text: string): string | undefined =>
  /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\])(:\d{1,5})?$/i.test(text) ? text : undefined;

/** Of the role `intake`, a process of its own beside sync's. */
export const intakeSettings = {
  domain: textSetting(...intakeDomain, undefined, domainName),
  listen: textSetting(
    'REJOINDER_INTAKE_LISTEN',
    'where mail for logging addresses is taken by SMTP, host:port',
    '0.0.0.0:2525',
    hostAndPort,
  ),
  certificateFile: optionalSetting(
    'REJOINDER_INTAKE_CERTIFICATE_FILE',
    'certificate (PEM, with its chain) for STARTTLS; none is offered if empty',
  ),
  certificateKeyFile: optionalSetting('REJOINDER_INTAKE_CERTIFICATE_KEY_FILE', 'private key (PEM) of that certificate'),
  mailLimitBytes: numberSetting('REJOINDER_INTAKE_MAIL_LIMIT_BYTES', 'a mail over this size is refused', {
    default: 55_000_000,
    min: 100_000,
    max: 55_000_000,
  }),
  mailsPerDay: numberSetting('REJOINDER_INTAKE_MAILS_PER_DAY', 'mails of members that one logging address takes within a day', {
    default: 500,
    min: 1,
    max: 100_000,
  }),
  quarantineMailsPerDay: numberSetting(
    'REJOINDER_INTAKE_QUARANTINE_MAILS_PER_DAY',
    'mails of others that are held back for one logging address within a day; more is put off',
    { default: 100, min: 0, max: 100_000 },
  ),
  quarantineBytesPerDay: numberSetting(
    'REJOINDER_INTAKE_QUARANTINE_BYTES_PER_DAY',
    'bytes of all that is held back for one logging address within a day',
    { default: 100_000_000, min: 0, max: 100_000_000_000 },
  ),
  connections: numberSetting('REJOINDER_INTAKE_CONNECTIONS', 'SMTP connections at the same time', { default: 50, min: 1, max: 1_000 }),
  connectionsPerClient: numberSetting('REJOINDER_INTAKE_CONNECTIONS_PER_CLIENT', 'SMTP connections of one client at the same time', {
    default: 10,
    min: 1,
    max: 1_000,
  }),
  mailsPerMinute: numberSetting('REJOINDER_INTAKE_MAILS_PER_MINUTE', 'mails that one client may send within a minute', {
    default: 60,
    min: 1,
    max: 10_000,
  }),
  dnsServers: listSetting(
    'REJOINDER_INTAKE_DNS_SERVERS',
    'DNS servers that are asked about senders, address:port joined by commas; those of the system if empty',
    { fallback: '', read: dnsServer, said: 'addresses, each with or without a port, joined by commas' },
  ),
};

export type IntakeSettings = Values<typeof intakeSettings>;
