// Shapes that several routes share: ids, times, pages, addresses, and the sentence behind a code.
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { explain } from '@rejoinder/contracts/catalogue';
import type { Address } from '@rejoinder/contracts/mail';

const maxCursor = 1_000;
const maxAddress = 320;
const maxName = 1_000;

export const id = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a UUID in lower case')
  .meta({ format: 'uuid' });
export const optionalId = id.nullable();
export const time = z.string().meta({ format: 'date-time' });
export const optionalTime = time.nullable();
export const nextCursor = z.string().nullable();

/** Page of a list: what it takes. */
export const pageOf = (maxLimit: number, limit = 50) =>
  z.object({ cursor: z.string().max(maxCursor).default(''), limit: z.coerce.number().int().min(1).max(maxLimit).default(limit) });

export const addressText = z
  .string()
  .trim()
  .min(3)
  .max(maxAddress)
  .includes('@', { message: 'must be an address, such as ada@example.com' });
export const nameText = z.string().max(maxName);
export const addressSchema = z.object({ address: z.string(), name: z.string() }).meta({ id: 'Address' });

export type AddressAnswer = z.infer<typeof addressSchema>;

export const toAddress = (of: Address | undefined): AddressAnswer => ({ address: of?.address ?? '', name: of?.name ?? '' });

export const toTime = (at: Timestamp | undefined): string | null => (at ? timestampDate(at).toISOString() : null);

/** Ids that are not there are empty in Protobuf and null here. */
export const toId = (text: string): string | null => (text === '' ? null : text);

export const toCursor = toId;

/** What a code means to a person, or '' for none that is known. */
export const sentenceOf = (reason: string): string => explain(reason)?.sentence ?? '';
