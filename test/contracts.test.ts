// No event carries a body or a secret, and what is personal says so.
import { getOption, ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { personal } from '@rejoinder/contracts/options';
import { eventSchema, topics } from '@rejoinder/contracts/topics';

const body = /(^|_)(text|html|body|content|mime|raw|snippet|preview)$/;
const secret = /(password|secret|token|credential|key)(?!_version)/;
/** Texts that say nothing of a person: our own ids, codes and types, and what a part is called within its mail. Any other is marked. */
const plain = new Set(
  [
    'answers_mail_id attachment_id contact_id engagement_id from_thread_id inbox_id into_contact_id mail_id merged_thread_id report_mail_id send_id tenant_id thread_id',
    'because capture class content_id content_type direction evidence folder_role kind_because make_contacts outcome part_id protocol reason sha256_hex side status',
  ].flatMap((names) => names.split(' ')),
);

/** Every field an event can reach, through messages it holds. */
function fieldsOf(message: DescMessage, seen = new Set<DescMessage>()): DescField[] {
  if (seen.has(message) || message.typeName.startsWith('google.')) return [];
  seen.add(message);
  return message.fields.flatMap((field) => [field, ...(field.message ? fieldsOf(field.message, seen) : [])]);
}

/** What is wrong with a message as an event; empty if nothing. */
function faultsOf(message: DescMessage): string[] {
  return fieldsOf(message).flatMap((field) => {
    const where = `${field.parent.typeName}.${field.name}`;
    const faults = [];
    if (body.test(field.name)) faults.push(`${where} looks like a body`);
    if (secret.test(field.name)) faults.push(`${where} looks like a secret`);
    if (field.scalar === ScalarType.BYTES && !/_hash(es)?$/.test(field.name)) faults.push(`${where}: bytes in an event are hashes`);
    if (field.scalar === ScalarType.STRING && !plain.has(field.name) && !getOption(field, personal))
      faults.push(`${where} is not marked personal`);
    return faults;
  });
}

const all = Object.entries(topics).flatMap(([topic, { events }]) => events.map((event) => [topic, event] as const));

describe('events', () => {
  it.each(all.map(([topic, event]) => [`${topic} ${event.name}`, event] as const))(
    '%s has no body, no secret, and marks what is personal',
    (_name, event) => {
      expect(faultsOf(event)).toEqual([]);
    },
  );

  it('the check itself finds a password in a message that has one', async () => {
    const { LoginSchema } = await import('@rejoinder/contracts/api/connections');
    expect(faultsOf(LoginSchema).join()).toContain('password looks like a secret');
    const { ReadMailResponseSchema } = await import('@rejoinder/contracts/api/sync');
    expect(faultsOf(ReadMailResponseSchema).join()).toContain('looks like a body');
  });

  it('the check itself finds texts, one or many, under names that nobody has thought of', async () => {
    const { ForgetRequestSchema, StoreSchema } = await import('@rejoinder/contracts/store');
    for (const message of [ForgetRequestSchema, StoreSchema]) expect(faultsOf(message).join()).toContain('is not marked personal');
  });

  it('internal topics alone carry hashes of untracked mail', () => {
    const observed = Object.entries(topics).filter(([, { events }]) => events.some((event) => event.name === 'MailsObserved'));
    expect(observed.map(([, topic]) => topic.public)).toEqual([false, false]);
    expect(getOption(eventSchema('rejoinder.sync.internal.v1', 'MailsObserved')!.field.mails!, personal)).toBe(false);
  });

  it('an event of a newer release is unknown, not an error', () => {
    expect(eventSchema('rejoinder.sync.v1', 'MailPolished')).toBeUndefined();
  });
});
