// What of a public event goes into the feed: its ids, states and times, and nothing that is marked personal.
import { getOption, hasOption, ScalarType, type DescEnum, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { personal } from '@rejoinder/contracts/options';

export type Fact = string | number | boolean;
export type Facts = Record<string, Fact>;

const timestamp = 'google.protobuf.Timestamp';

/** By the names of the contract. Lists, bytes (hashes) and messages within are left out: whoever wants those asks for the thing by its id. */
export function factsOf<S extends DescMessage>(schema: S, message: MessageShape<S>): Facts {
  const values = message as unknown as Record<string, unknown>;
  const facts: Facts = {};
  for (const field of schema.fields) {
    const fact = isPersonal(field) ? undefined : factOf(field, values[field.localName]);
    if (fact !== undefined && fact !== '') facts[field.name] = fact;
  }
  return facts;
}

const isPersonal = (field: DescField) => hasOption(field, personal) && getOption(field, personal);

function factOf(field: DescField, value: unknown): Fact | undefined {
  if (value === undefined) return undefined;
  if (field.fieldKind === 'enum') return nameOf(field.enum, value as number);
  if (field.fieldKind === 'message')
    return field.message.typeName === timestamp ? timestampDate(value as Timestamp).toISOString() : undefined;
  if (field.fieldKind !== 'scalar' || field.scalar === ScalarType.BYTES) return undefined;
  return typeof value === 'bigint' ? Number(value) : (value as Fact);
}

/** MAIL_KIND_AUTO_REPLY is auto_reply, as elsewhere in REST. */
function nameOf(of: DescEnum, value: number): string | undefined {
  return of.value[value]?.localName.toLowerCase();
}
