// Nothing personal gets into the feed, whatever event comes.
import { create, getOption, hasOption, type DescMessage } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { personal } from '@rejoinder/contracts/options';
import { topics, type Topic } from '@rejoinder/contracts/topics';
import { MailSentSchema } from '@rejoinder/contracts/events/sending';
import { factsOf } from './facts.js';

const publicEvents = Object.values<Topic>(topics).flatMap(({ public: isPublic, events }) => (isPublic ? events : []));

/** A message whose every text says whether it may be seen. */
function filled(schema: DescMessage): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const field of schema.fields) {
    const isPersonal = hasOption(field, personal) && getOption(field, personal);
    if (field.fieldKind === 'scalar' && field.scalar === 9) values[field.localName] = isPersonal ? 'PERSONAL' : 'fact';
    if (field.fieldKind === 'message' && !field.message.typeName.startsWith('google.')) values[field.localName] = filled(field.message);
    if (field.fieldKind === 'list' && field.listKind === 'message') values[field.localName] = [filled(field.message)];
    if (field.fieldKind === 'list' && field.listKind === 'scalar') values[field.localName] = ['PERSONAL'];
  }
  return values;
}

describe.each(publicEvents.map((schema) => [schema.name, schema] as const))('%s', (_name, schema) => {
  test('is told by its ids', () => {
    const facts = factsOf(schema, create(schema, filled(schema)));
    expect(JSON.stringify(facts)).not.toContain('PERSONAL');
    expect(Object.keys(facts).some((name) => name.endsWith('_id'))).toBe(true);
    for (const fact of Object.values(facts)) expect(['string', 'number', 'boolean']).toContain(typeof fact);
  });
});

test('times are told, empty ids are not', () => {
  const message = create(MailSentSchema, {
    sendId: 'a',
    mailId: '',
    sentAt: { seconds: 1_700_000_000n, nanos: 0 },
    refused: ['x@example.com'],
  });
  expect(factsOf(MailSentSchema, message)).toEqual({ send_id: 'a', sent_at: '2023-11-14T22:13:20.000Z' });
});
