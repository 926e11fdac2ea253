// A reader of /v1/events over real HTTP, which remembers when each event came.
import { request, type ClientRequest, type IncomingMessage } from 'node:http';

export interface Seen {
  id: number;
  type: string;
  data: Record<string, unknown>;
  /** performance.now() when its last byte was here. */
  at: number;
}

export interface EventStream {
  response: IncomingMessage;
  events: Seen[];
  /** The last id this reader was told, with or without an event. */
  lastId: number;
  comments: string[];
  close(): void;
}

export function openStream(port: number, key: string, lastEventId?: number): Promise<EventStream> {
  const headers = { authorization: `Bearer ${key}`, ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }) };
  return new Promise((resolve, reject) => {
    const asking: ClientRequest = request({ host: '127.0.0.1', port, path: '/v1/events', headers, agent: false }, (response) => {
      const stream: EventStream = { response, events: [], lastId: -1, comments: [], close: () => asking.destroy() };
      let rest = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) take(stream, block);
      });
      response.on('error', () => undefined);
      resolve(stream);
    });
    asking.on('error', reject).end();
  });
}

function take(stream: EventStream, block: string): void {
  if (block.startsWith(':')) stream.comments.push(block);
  const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
  if (fields.id) stream.lastId = Number(fields.id);
  if (fields.data) stream.events.push({ id: stream.lastId, type: fields.event, data: JSON.parse(fields.data), at: performance.now() });
}
