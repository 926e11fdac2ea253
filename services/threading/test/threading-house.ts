// Threading with its bus, gRPC and PostgreSQL, the mails its tests tell it of, and what it then says.
import { randomBytes } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { newId } from '@rejoinder/base/id';
import { CaptureMailSchema } from '@rejoinder/contracts/commands';
import { SendAcceptedSchema } from '@rejoinder/contracts/events/sending';
import { MailsObservedSchema, type ObservedMailSchema } from '@rejoinder/contracts/events/sync';
import { MailTrackedSchema } from '@rejoinder/contracts/events/threading';
import { startTestHouse, type TestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { role } from '../src/role.js';

/** Of the test file that runs. */
export const here = { skewMs: 0 } as { house: TestHouse; skewMs: number };

export async function openHouse(): Promise<void> {
  here.house = await startTestHouse({ roles: [role], clock: { now: () => new Date(Date.now() + here.skewMs) } });
}

export const closeHouse = (): Promise<void> => here.house?.stop();

export type Observed = MessageInitShape<typeof ObservedMailSchema>;
export const hash = () => randomBytes(16);
export const people = { ann: hash(), bob: hash(), zoe: hash(), own: hash() };
export const subject = hash();

/** A mail as sync tells of it: from Ann to our own address, unless said otherwise. */
export const observed = (more: Observed = {}): Observed & { mailId: string; messageIdHash: Uint8Array } => ({
  mailId: newId(),
  messageIdHash: hash(),
  fromHash: people.ann,
  recipientHashes: [people.own],
  baseSubjectHash: subject,
  folderRole: 'inbox',
  ...more,
});

export const observe = (inboxId: string, mails: Observed[], tenantId = here.house.tenantId) =>
  here.house.publish('rejoinder.sync.internal.v1', MailsObservedSchema, inboxId, { inboxId, mails }, 0n, tenantId);

export async function send(inboxId: string, more: MessageInitShape<typeof SendAcceptedSchema> = {}, tenantId = here.house.tenantId) {
  const message = {
    sendId: newId(),
    inboxId,
    mailId: newId(),
    messageIdHash: hash(),
    fromHash: people.own,
    recipientHashes: [people.ann],
    baseSubjectHash: subject,
    ...more,
  };
  await here.house.publish('rejoinder.sending.v1', SendAcceptedSchema, inboxId, message, 0n, tenantId);
  return message;
}

export const tracked = async () => here.house.published('rejoinder.threading.v1', MailTrackedSchema);
export const trackedMail = (mailId: string) =>
  settle('the mail to be tracked', async () => (await tracked()).findLast((one) => one.mailId === mailId));
export const captures = async (mailId: string) =>
  (await here.house.published('rejoinder.sync.commands.v1', CaptureMailSchema)).filter((one) => one.mailId === mailId);
export const verdictOf = async (mailId: string) =>
  (await here.house.query<{ verdict: string }>('select verdict from threading.node where mail_id = $1', [mailId]))[0]?.verdict;
export const stored = (mailId: string) => settle('the mail to be stored', () => verdictOf(mailId));
export const nonEmpty = <T>(list: T[]): T[] | undefined => (list.length > 0 ? list : undefined);
export const atLeast = <T>(count: number, list: T[]): T[] | undefined => (list.length >= count ? list : undefined);
