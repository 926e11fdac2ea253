// One open stream of events (WHATWG server-sent events): written no faster than it is read, and cut if it is not read.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Feed } from './feed.js';
import type { FeedRow } from './feed-store.js';

export interface Listener {
  tenantId: string;
  /** The last seq this listener has. */
  cursor: number;
  /** Some of what came after that is gone. */
  missed: boolean;
}

export interface StreamTimes {
  heartbeatMs: number;
  /** A reader that has not made room for more after this is cut; it comes back and resumes. */
  slowMs: number;
}

/** How long a page waits before it connects again. */
const reconnectMs = 2_000;

/** Runs until the reader is gone, is too slow, or the signal fires. Answers why it ended. */
export async function stream(
  to: ServerResponse,
  feed: Feed,
  listener: Listener,
  { heartbeatMs, slowMs }: StreamTimes,
  signal: AbortSignal,
): Promise<'gone' | 'slow' | 'told to'> {
  const over = new AbortController();
  to.once('close', () => over.abort());
  const ended = AbortSignal.any([signal, over.signal]);
  const heartbeat = setInterval(() => to.writableNeedDrain || to.write(': still here\n\n'), heartbeatMs);
  try {
    let { cursor } = listener;
    // The id alone: who is cut before the first event resumes from here all the same.
    to.write(`retry: ${reconnectMs}\nid: ${cursor}\n\n${listener.missed ? missed(cursor) : ''}`);
    while (!ended.aborted) {
      const { rows, upTo } = await feed.after(listener.tenantId, cursor);
      if (rows.length > 0 && !to.write(rows.map(frameOf).join('')) && !(await drained(to, slowMs, ended))) break;
      cursor = upTo;
      await feed.moved(cursor, ended);
    }
    if (over.signal.aborted) return 'gone';
    return ended.aborted ? 'told to' : 'slow';
  } finally {
    clearInterval(heartbeat);
    if (signal.aborted) to.end();
    else to.destroy();
  }
}

/** One event as it crosses the wire. */
export function frameOf({ seq, type, facts }: FeedRow): string {
  return `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ ...facts, seq, type })}\n\n`;
}

/** Tells a reader who was away for longer than the feed is kept to look at everything anew. */
function missed(seq: number): string {
  return `event: EventsMissed\ndata: ${JSON.stringify({ seq, type: 'EventsMissed' })}\n\n`;
}

/** Whether the reader made room in time. */
async function drained(to: ServerResponse, slowMs: number, ended: AbortSignal): Promise<boolean> {
  const late = AbortSignal.timeout(slowMs);
  try {
    await once(to, 'drain', { signal: AbortSignal.any([ended, late]) });
    return true;
  } catch {
    return !late.aborted;
  }
}
