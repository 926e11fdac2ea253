// Page tokens: where the next page begins, as text that callers hand back as it is.
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';

export interface Cursor {
  at: string | null;
  id: string;
}

const maxTokenLength = 200;

export function tokenOf({ at, id }: Cursor): string {
  return Buffer.from(JSON.stringify([at, id])).toString('base64url');
}

/** The cursor of a token; undefined for the first page. */
export function cursorOf(token: string): Cursor | undefined {
  if (token === '') return undefined;
  const [at, id] = parsed(token);
  const isTime = at === null || (typeof at === 'string' && !Number.isNaN(Date.parse(at)));
  if (!isTime || typeof id !== 'string' || !isId(id)) throw wrongToken();
  return { at: at as string | null, id };
}

function parsed(token: string): unknown[] {
  if (token.length > maxTokenLength) throw wrongToken();
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (Array.isArray(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw wrongToken();
}

const wrongToken = () => new Fault('invalid', 'PAGE_TOKEN', 'This is no page token of an earlier answer.');

/** How many a page holds: what was asked for within the limit; by default half of it. */
export function pageSize(asked: number, limit: number): number {
  if (asked < 0) throw new Fault('invalid', 'PAGE_SIZE', `A page holds 1 to ${limit}.`);
  return asked === 0 ? Math.ceil(limit / 2) : Math.min(asked, limit);
}
