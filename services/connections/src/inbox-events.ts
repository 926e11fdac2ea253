// The events and commands that tell of an inbox, each with the revision it speaks of.
import {
  InboxConnectedSchema,
  InboxDisconnectedSchema,
  InboxPausedSchema,
  InboxReconnectedSchema,
  InboxRemovedSchema,
  InboxSideMendedSchema,
  InboxSideStoppedSchema,
  SettingsChangedSchema,
} from '@rejoinder/contracts/events/connections';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { StartInboxSchema, StopInboxSchema } from '@rejoinder/contracts/commands';
import { event, type NewEvent } from '@rejoinder/bus/outbox';
import type { Stop, Told } from './inbox.js';

export interface InboxFacts {
  tenantId: string;
  inboxId: string;
  address: string;
  displayName: string;
  credentialVersion: bigint;
  capture: string;
  attachments: boolean;
  historyDays: number;
  logFolder: string;
  folders: string[];
  captureSince: Date | null;
  ownAddresses: string[];
}

const topic = 'rejoinder.connections.v1';
const commands = 'rejoinder.sync.commands.v1';

export function settingsOf({ capture, attachments, historyDays, logFolder, folders, captureSince: since, ownAddresses }: InboxFacts) {
  const captureSince = since ? timestampFromDate(since) : undefined;
  return { capture, attachments, historyDays, logFolder, folders, captureSince, ownAddresses };
}

function startInbox(facts: InboxFacts, sequence: bigint): NewEvent {
  const { inboxId, tenantId, credentialVersion } = facts;
  const message = { inboxId, credentialVersion, settings: settingsOf(facts) };
  return event({ topic: commands, key: inboxId, tenantId, sequence, schema: StartInboxSchema, message });
}

function stopInbox({ inboxId, tenantId }: InboxFacts, sequence: bigint, removed: boolean): NewEvent {
  return event({ topic: commands, key: inboxId, tenantId, sequence, schema: StopInboxSchema, message: { inboxId, removed } });
}

export function connectedEvents(facts: InboxFacts): NewEvent[] {
  const { inboxId, tenantId, address, displayName } = facts;
  const message = { inboxId, address, displayName, settings: settingsOf(facts) };
  return [event({ topic, key: inboxId, tenantId, sequence: 1n, schema: InboxConnectedSchema, message }), startInbox(facts, 1n)];
}

export function removedEvents(facts: InboxFacts, sequence: bigint): NewEvent[] {
  const { inboxId, tenantId, address } = facts;
  const message = { inboxId, address };
  return [event({ topic, key: inboxId, tenantId, sequence, schema: InboxRemovedSchema, message }), stopInbox(facts, sequence, true)];
}

/** Sync is told where it holds the inbox; one that is paused hears of it when it is resumed. */
export function settingsEvents(facts: InboxFacts, sequence: bigint, holds: boolean): NewEvent[] {
  const { inboxId, tenantId } = facts;
  const message = { inboxId, settings: settingsOf(facts) };
  const changed = event({ topic, key: inboxId, tenantId, sequence, schema: SettingsChangedSchema, message });
  return holds ? [changed, startInbox(facts, sequence)] : [changed];
}

/** Revisions rise by one for each event, from the one after `before`; sync is told where it must hold the inbox or let it go. */
export function changeEvents(facts: InboxFacts, told: readonly Told[], before: bigint, holds: boolean): NewEvent[] {
  const events = told.map((one, index) => toldEvent(facts, one, before + 1n + BigInt(index)));
  const last = before + BigInt(told.length);
  if (told.some(({ kind }) => kind === 'paused')) return [...events, stopInbox(facts, last, false)];
  return holds && told.some(({ kind }) => kind === 'reconnected' || kind === 'side_mended') ? [...events, startInbox(facts, last)] : events;
}

function toldEvent({ inboxId, tenantId, credentialVersion }: InboxFacts, told: Told, sequence: bigint): NewEvent {
  const common = { topic, key: inboxId, tenantId, sequence } as const;
  if (told.kind === 'paused') return event({ ...common, schema: InboxPausedSchema, message: { inboxId } });
  if (told.kind === 'reconnected') return event({ ...common, schema: InboxReconnectedSchema, message: { inboxId, credentialVersion } });
  if (told.kind === 'side_mended')
    return event({ ...common, schema: InboxSideMendedSchema, message: { inboxId, credentialVersion, side: told.side } });
  return stopEvent({ ...told, inboxId, tenantId, credentialVersion, sequence });
}

export interface StopOfInbox extends Stop {
  tenantId: string;
  inboxId: string;
  credentialVersion: bigint;
  sequence: bigint;
  traceparent?: string;
}

export function stopEvent({ kind, tenantId, inboxId, side, reason, credentialVersion, sequence, traceparent }: StopOfInbox): NewEvent {
  const schema = kind === 'disconnected' ? InboxDisconnectedSchema : InboxSideStoppedSchema;
  const message = { inboxId, side, reason, credentialVersion };
  return event({ topic, key: inboxId, tenantId, sequence, traceparent, schema, message });
}
