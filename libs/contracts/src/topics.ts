// The catalogue of topics: who writes them, what their key is, which events they carry.
import type { DescMessage } from '@bufbuild/protobuf';
import * as connections from './generated/rejoinder/connections/v1/events_pb.js';
import * as sync from './generated/rejoinder/sync/v1/events_pb.js';
import * as commands from './generated/rejoinder/sync/v1/commands_pb.js';
import * as threading from './generated/rejoinder/threading/v1/events_pb.js';
import * as attachment from './generated/rejoinder/attachment/v1/events_pb.js';
import * as sending from './generated/rejoinder/sending/v1/events_pb.js';
import * as timeline from './generated/rejoinder/timeline/v1/events_pb.js';
import * as gateway from './generated/rejoinder/gateway/v1/events_pb.js';

export interface Topic {
  /** What the CRM's own consumers may read. */
  public: boolean;
  /** Never changes once released: the partition of a key, and with it its owner, hangs on it. */
  partitions: number;
  key: 'inbox_id' | 'mail_id' | 'contact_id' | 'attachment_id' | 'tenant_id';
  events: DescMessage[];
}

const partitions = 12;

export const topics = {
  'rejoinder.connections.v1': {
    public: true,
    partitions,
    key: 'inbox_id',
    events: [
      connections.InboxConnectedSchema,
      connections.InboxDisconnectedSchema,
      connections.InboxSideStoppedSchema,
      connections.InboxSideMendedSchema,
      connections.InboxReconnectedSchema,
      connections.InboxPausedSchema,
      connections.InboxRemovedSchema,
      connections.SettingsChangedSchema,
    ],
  },
  'rejoinder.connections.internal.v1': {
    public: false,
    partitions,
    key: 'tenant_id',
    events: [connections.NeverLogChangedSchema, connections.LoggingChangedSchema],
  },
  'rejoinder.sync.v1': { public: true, partitions, key: 'inbox_id', events: [sync.MailCapturedSchema, sync.CaptureFailedSchema] },
  'rejoinder.sync.internal.v1': {
    public: false,
    partitions,
    key: 'inbox_id',
    events: [
      sync.MailsObservedSchema,
      sync.SentCopyObservedSchema,
      sync.AuthenticationFailedSchema,
      sync.GapFoundSchema,
      sync.FolderRenamedSchema,
    ],
  },
  'rejoinder.sync.history.v1': { public: false, partitions, key: 'inbox_id', events: [sync.MailsObservedSchema] },
  'rejoinder.sync.commands.v1': {
    public: false,
    partitions,
    key: 'inbox_id',
    events: [
      commands.StartInboxSchema,
      commands.StopInboxSchema,
      commands.CaptureMailSchema,
      commands.DropMailSchema,
      commands.FindMailSchema,
      commands.FileSentCopySchema,
    ],
  },
  'rejoinder.threading.v1': {
    public: true,
    partitions,
    key: 'mail_id',
    events: [threading.MailTrackedSchema, threading.MailUntrackedSchema],
  },
  'rejoinder.threading.internal.v1': {
    public: false,
    partitions,
    key: 'mail_id',
    events: [threading.ThreadMergedSchema, threading.ThreadSplitSchema],
  },
  'rejoinder.attachment.v1': {
    public: true,
    partitions,
    key: 'attachment_id',
    events: [attachment.AttachmentStoredSchema, attachment.AttachmentRejectedSchema],
  },
  'rejoinder.sending.v1': {
    public: true,
    partitions,
    key: 'inbox_id',
    events: [
      sending.SendAcceptedSchema,
      sending.MailSentSchema,
      sending.SendFailedSchema,
      sending.SendUnconfirmedSchema,
      sending.DeliveryReportedSchema,
    ],
  },
  'rejoinder.sending.internal.v1': { public: false, partitions, key: 'inbox_id', events: [sync.AuthenticationFailedSchema] },
  'rejoinder.timeline.v1': {
    public: true,
    partitions,
    key: 'contact_id',
    events: [
      timeline.EngagementLoggedSchema,
      timeline.EngagementMovedSchema,
      timeline.EngagementDeletedSchema,
      timeline.ContactChangedSchema,
      timeline.ContactMergedSchema,
    ],
  },
  'rejoinder.gateway.v1': {
    public: true,
    partitions,
    key: 'tenant_id',
    events: [gateway.TenantCreatedSchema, gateway.TenantDeletedSchema],
  },
} as const satisfies Record<string, Topic>;

export type TopicName = keyof typeof topics;

/** The message of an event on a topic by its name, such as MailCaptured; undefined for one that a newer release may send. */
export function eventSchema(topic: string, name: string): DescMessage | undefined {
  return (topics as Record<string, Topic>)[topic]?.events.find((schema) => schema.name === name);
}
