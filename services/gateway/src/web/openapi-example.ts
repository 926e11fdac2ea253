// Makes the example of a schema from the examples of its parts.

export interface JsonSchema {
  $ref?: string;
  type?: string;
  examples?: unknown[];
  default?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  [more: string]: unknown;
}

/** The first example it gives itself, else one of what it is made of; a text or a number without one is a mistake of ours. */
export function exampleOf(schema: JsonSchema, components: Record<string, JsonSchema>): unknown {
  if (schema.examples) return schema.examples[0];
  if (schema.$ref) return exampleOf(components[schema.$ref.split('/').at(-1)!]!, components);
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return exampleOf(schema.anyOf[0]!, components);
  if (schema.items) return [exampleOf(schema.items, components)];
  if (schema.properties)
    return Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, exampleOf(one, components)]));
  if (schema.type === 'boolean') return false;
  if ('default' in schema) return schema.default;
  throw new Error(`a schema in the API has no example: ${JSON.stringify(schema)}`);
}
