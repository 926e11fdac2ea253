// Makes the OpenAPI 3.1 document of the routes as they are declared.
import { z } from 'zod';
import type { DeclaredRoute, RouteInput } from './route.js';

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
  components: { securitySchemes: Schemas; schemas: Schemas };
};

interface Operation {
  responses: Record<string, { description: string; content?: Record<string, { schema: unknown }> }>;
  [more: string]: unknown;
}

type Schemas = Record<string, unknown>;

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: 'Of the error catalogue; what programs go by.' }),
    detail: z.string(),
    retry_after_ms: z.int().optional(),
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
    ...(body
      ? { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body.schema, 'input', schemas) } } } }
      : {}),
    ...(route.takesFile ? { requestBody: { required: true, content: { 'multipart/form-data': { schema: fileForm } } } } : {}),
    responses: { ...answersOf(route, schemas), ...refusalsOf(route, schemas) },
  };
}

const fileForm = {
  type: 'object',
  required: ['file'],
  properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } },
};

function answersOf(route: DeclaredRoute, schemas: Schemas): Operation['responses'] {
  const answer = answerOf(route, schemas);
  return { [route.status ?? 200]: answer, ...(route.mayCreate ? { 201: { ...answer, description: 'Made' } } : {}) };
}

function answerOf({ answers }: DeclaredRoute, schemas: Schemas): Operation['responses'][string] {
  if (answers === 'nothing') return { description: 'Done' };
  const content = {
    bytes: { 'application/octet-stream': { schema: {} } },
    events: { 'text/event-stream': { schema: { type: 'string' } } },
    json: { 'application/json': { schema: { type: 'object' } } },
  };
  const shown = typeof answers === 'string' ? content[answers] : { 'application/json': { schema: schemaOf(answers, 'output', schemas) } };
  return { description: 'Done', content: shown } as Operation['responses'][string];
}

function refusalsOf({ refuses = {} }: DeclaredRoute, schemas: Schemas): Operation['responses'] {
  const content = { 'application/problem+json': { schema: schemaOf(problemSchema, 'output', schemas) } };
  const own = Object.entries(refuses).map(([status, code]) => [status, { description: code, content }]);
  return { ...Object.fromEntries(own), default: { description: 'Refused', content } } as Operation['responses'];
}

function parametersOf(input: RouteInput, schemas: Schemas): object[] {
  const schema = schemaOf(input.schema, 'input', schemas) as { properties?: Schemas; required?: string[] };
  if (input.in !== 'query') return [{ in: input.in, name: input.name, required: input.in === 'path', schema }];
  const of = Object.entries(schema.properties ?? {});
  return of.map(([name, one]) => ({ in: 'query', name, required: schema.required?.includes(name) ?? false, schema: one }));
}

/** Schemas with an id are told once, under components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Schemas): unknown {
  const { $schema: _dialect, $defs = {}, ...own } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Schemas & { $defs?: Schemas };
  for (const [id, one] of Object.entries($defs)) schemas[id] = moved(one);
  return moved(own);
}

const moved = (schema: unknown): unknown => JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'));
