// Shapes that several routes share: ids, times, pages, addresses, and the sentence behind a code.
import { timestampDate, timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { catalogue, explain, type ErrorCode } from '@rejoinder/contracts/catalogue';
import type { Address } from '@rejoinder/contracts/mail';

const maxCursor = 1_000;
const maxAddress = 320;
const maxMessageId = 1_000;
const maxName = 1_000;

/** How OpenAPI tells of a refusal. */
export const refusal = (code: ErrorCode) => ({ code, detail: catalogue[code].sentence });

/** An id of its kind; in examples each kind has its own, so that one sees what belongs together. */
const idLike = (example: string) =>
  z
    .string()
    .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a UUID in lower case')
    .meta({ format: 'uuid', examples: [example] });
export const ids = {
  tenant: idLike('019ab000-0000-7000-8000-000000000001'),
  inbox: idLike('019ab1c4-5f20-7a31-9d02-6a1b8f4e2c10'),
  contact: idLike('019ab1c6-0b7e-7c55-8e43-0f9d2a6b7c21'),
  send: idLike('019ab1c7-92d4-7e18-b6a5-3c4d5e6f7032'),
  mail: idLike('5d0c7b1e-83fa-8b42-9f6d-27e1c0a49843'),
  thread: idLike('019ab1c7-92e0-7f06-a1c8-4b5a69788754'),
  engagement: idLike('019ab1c7-9a31-7d94-8b2f-5e6f70819265'),
  attachment: idLike('019ab1c7-1c02-7b83-a4d6-60718293a476'),
  tracked: idLike('019ab1c9-44b8-7a72-9c1e-718293a4b587'),
  quarantine: idLike('019ab1ca-5d21-7b60-8f2d-8293a4b5c698'),
  webhook: idLike('019ab1cb-6e32-7c49-9a1e-93a4b5c6d7a9'),
  apiKey: idLike('019ab1ce-9165-7f76-8d20-c6d7e8f90adc'),
  pin: idLike('019ab1cd-8054-7e67-8c1f-b5c6d7e8f9cb'),
  event: idLike('019ab1cc-7f43-7d58-8b0f-a4b5c6d7e8ba'),
};

/** A text that is told, with an example of it. */
export const text = (example: string) => z.string().meta({ examples: [example] });
export const count = (example: number) => z.int().meta({ examples: [example] });
/** A code of the error catalogue or '', and its sentence for a person. */
export const reason = text('').meta({ description: 'A code of the error catalogue; empty where nothing is wrong' });
export const reasonText = text('').meta({ description: 'One sentence for a person; empty where nothing is wrong' });
export const time = z.string().meta({ format: 'date-time', examples: ['2026-11-24T09:41:07.120Z'] });
export const optionalTime = time.nullable();
export const nextCursor = text('eyJhZnRlciI6MjV9').nullable().meta({ description: 'Hand it back as cursor; null is the end' });

/** Page of a list: what it takes. */
export const pageOf = (maxLimit: number, limit = 50) =>
  z.object({
    cursor: z.string().max(maxCursor).default('').meta({ description: 'next_cursor of the page before; left out, the first page' }),
    limit: z.coerce.number().int().min(1).max(maxLimit).default(limit).meta({ description: 'How many at most' }),
  });

export const addressText = z
  .string()
  .trim()
  .max(maxAddress)
  .regex(/.@./, 'must be an address, such as ada@example.com')
  .meta({ examples: ['ada@example.com'] });
export const nameText = z
  .string()
  .max(maxName)
  .meta({ examples: ['Ada Example'] });
/** RFC 5322 §3.6.4. It is told without the angle brackets of the header, and taken with or without. */
const idOfMail = '019ab1c7-92d4-7e18-b6a5-3c4d5e6f7032@example.org';
export const messageId = text(idOfMail).meta({ description: 'Without angle brackets' });
export const givenMessageId = z
  .string()
  .min(1)
  .max(maxMessageId)
  .meta({ description: 'With angle brackets or without', examples: [idOfMail] });
export const addressSchema = z.object({ address: text('ada@example.com'), name: text('Ada Example') }).meta({ id: 'Address' });

export type AddressAnswer = z.infer<typeof addressSchema>;

export const toAddress = (of: Address | undefined): AddressAnswer => ({ address: of?.address ?? '', name: of?.name ?? '' });

export const toTime = (at: Timestamp | undefined): string | null => (at ? timestampDate(at).toISOString() : null);

export const toTimestamp = (iso: string | undefined): Timestamp | undefined => (iso ? timestampFromDate(new Date(iso)) : undefined);

/** Ids that are not there are empty in Protobuf and null here. */
export const toId = (text: string): string | null => (text === '' ? null : text);

export const toCursor = toId;

/** What a code means to a person, or '' for none that is known. */
export const sentenceOf = (reason: string): string => explain(reason)?.sentence ?? '';
