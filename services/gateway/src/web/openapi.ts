// Makes the OpenAPI 3.1 document of the routes as they are declared.
import { z } from 'zod';
import { ids } from '../rest/shapes.js';
import { exampleOf, type JsonSchema } from './openapi-example.js';
import { problem } from './problem.js';
import type { DeclaredRoute, Refusal, RouteInput } from './route.js';

/** A controller's path with one of its routes. */
export interface PlacedRoute {
  /** As Nest writes it: v1/inboxes/:inbox_id. */
  path: string;
  /** Groups routes, such as inboxes. */
  tag: string;
  route: DeclaredRoute;
}

export type OpenApi = Record<string, unknown> & {
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: Record<string, unknown>; schemas: Schemas };
};

interface Operation {
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
  [more: string]: unknown;
}

interface Media {
  schema: JsonSchema;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

type Schemas = Record<string, JsonSchema>;

const problemSchema = z
  .object({
    type: z.string().meta({ examples: ['about:blank'] }),
    title: z.string().meta({ examples: ['Conflict'] }),
    status: z.int().meta({ examples: [409] }),
    code: z.string().meta({ description: 'Of the error catalogue; what programs go by.', examples: ['INBOX_PAUSED'] }),
    detail: z.string().meta({ description: 'One sentence for a person', examples: ['The inbox is paused.'] }),
    retry_after_ms: z
      .int()
      .optional()
      .meta({ description: 'When it makes sense to try again, if it does', examples: [2_000] }),
    trace_id: z
      .string()
      .optional()
      .meta({ description: 'Of trouble in this house: stands in its logs', examples: ['4bf92f3577b34da6a3ce929d0e0e4736'] }),
  })
  .catchall(z.unknown())
  .meta({ id: 'Problem' });

const about = [
  'A connected inbox for your CRM. Times are RFC 3339, ids are UUIDs, errors are application/problem+json with a `code`.',
  'Lists come in pages: hand `next_cursor` back as `cursor`; null is the end.',
].join(' ');

export function openApiOf(placed: PlacedRoute[], version: string): OpenApi {
  const schemas: Schemas = {};
  const paths: OpenApi['paths'] = {};
  for (const one of placed) {
    const path = `/${one.path.replace(/:(\w+)/g, '{$1}')}`;
    paths[path] = { ...paths[path], [one.route.method.toLowerCase()]: operationOf(one, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Rejoinder', version, description: about, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ apiKey: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'rejoinder_session' },
      },
      schemas,
    },
  };
}

function operationOf({ tag, route }: PlacedRoute, schemas: Schemas): Operation {
  const body = route.inputs.find((input) => input.in === 'body');
  const parameters = route.inputs.flatMap((input) => (input.in === 'body' ? [] : parametersOf(input, schemas)));
  return {
    operationId: `${tag}_${route.name}`,
    tags: [tag],
    summary: route.says,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, content: { 'application/json': mediaOf(body.schema, 'input', schemas) } } } : {}),
    ...(route.takesFile ? { requestBody: { required: true, content: { 'multipart/form-data': fileForm } } } : {}),
    responses: { ...answersOf(route, schemas), ...refusalsOf(route, schemas) },
  };
}

const file = 'item;pieces;price\r\nDifference engine, brass;1;17470.00\r\n';
const fileForm: Media = {
  schema: { type: 'object', required: ['file'], properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } } },
  example: { file },
};
const bytes: Media = { schema: {}, example: file };
const events: Media = {
  schema: { type: 'string' },
  example: `id: 4711\nevent: EngagementLogged\ndata: {"engagement_id":"${exampleOf(z.toJSONSchema(ids.engagement) as JsonSchema, {})}","seq":4711,"type":"EngagementLogged"}\n\n`,
};

function answersOf(route: DeclaredRoute, schemas: Schemas): Operation['responses'] {
  const answer = answerOf(route, schemas);
  return {
    [route.status ?? 200]: answer,
    ...(route.mayCreate ? { 201: { ...answer, description: 'It was not there before and is made' } } : {}),
  };
}

function answerOf({ answers, result }: DeclaredRoute, schemas: Schemas): Operation['responses'][string] {
  if (answers === 'nothing') return { description: result };
  if (answers === 'bytes') return { description: result, content: { 'application/octet-stream': bytes } };
  if (answers === 'events') return { description: result, content: { 'text/event-stream': events } };
  return { description: result, content: { 'application/json': mediaOf(answers, 'output', schemas) } };
}

function refusalsOf({ refuses = {} }: DeclaredRoute, schemas: Schemas): Operation['responses'] {
  const any = mediaOf(problemSchema, 'output', schemas);
  const own = Object.entries(refuses).map(([status, refusals]) => [status, refusalOf(Number(status), refusals, any.schema)]);
  const description = 'Refused: code says why, detail says it in a sentence';
  return { ...Object.fromEntries(own), default: { description, content: { 'application/problem+json': any } } };
}

function refusalOf(status: number, refusals: Refusal[], schema: JsonSchema): Operation['responses'][string] {
  const examples = Object.fromEntries(refusals.map((told) => [told.code, { value: problem(status, told) }]));
  const description = refusals.map(({ code, detail }) => `${code}: ${detail}`).join(' ');
  return { description, content: { 'application/problem+json': { schema, examples } } };
}

function parametersOf(input: RouteInput, schemas: Schemas): object[] {
  const schema = schemaOf(input.schema, 'input', schemas) as JsonSchema & { required?: string[] };
  const parameter = (name: string, required: boolean, one: JsonSchema) => ({
    ...{ in: input.in, name, required, schema: one },
    example: exampleOf(one, schemas),
  });
  if (input.in !== 'query') return [parameter(input.name, input.in === 'path', schema)];
  return Object.entries(schema.properties ?? {}).map(([name, one]) => parameter(name, schema.required?.includes(name) ?? false, one));
}

function mediaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Schemas): Media {
  const own = schemaOf(schema, io, schemas);
  return { schema: own, example: exampleOf(own, schemas) };
}

/** Schemas with an id are told once, under components, each with its example. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Schemas): JsonSchema {
  const {
    $schema: _dialect,
    $defs = {},
    ...own
  } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonSchema & { $defs?: Schemas };
  for (const [id, one] of Object.entries($defs)) schemas[id] = moved(one);
  for (const id of Object.keys($defs)) schemas[id]!.examples ??= [exampleOf(schemas[id]!, schemas)];
  return moved(own);
}

const moved = (schema: JsonSchema): JsonSchema =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as JsonSchema;
