// A raw Content-Type header into its type and parameters (RFC 2045 §5.1), enough to classify a mail by its headers.
import { collapse } from './raw-text.js';

const MAX_LENGTH = 8_000;
const MAX_PARAMETERS = 50;
const PARAMETER = /;\s{0,100}([^\s=;"]{1,100})\s{0,100}=\s{0,100}(?:"((?:[^"\\]|\\.){0,2000})"|([^;\s]{0,2000}))/g;

export interface ContentType {
  /** `type/subtype` in lower case; empty where the header is none. */
  type: string;
  /** Lower-cased name to value; the first of a name counts. */
  parameters: ReadonlyMap<string, string>;
}

/** Takes a raw Content-Type value, at most 8,000 characters of it and 50 parameters. Never throws. */
export function parseContentType(raw: string): ContentType {
  const value = collapse(raw.slice(0, MAX_LENGTH));
  const type = /^\s*([^\s;/]{1,100}\/[^\s;]{1,100})/.exec(value)?.[1]?.toLowerCase() ?? '';
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, bare] of value.matchAll(PARAMETER)) {
    if (parameters.size >= MAX_PARAMETERS) break;
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, quoted === undefined ? (bare ?? '') : quoted.replace(/\\(.)/g, '$1'));
  }
  return { type, parameters };
}
