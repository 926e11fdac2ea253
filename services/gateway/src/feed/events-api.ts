// REST of events: a stream that stays open and can be resumed.
import { Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Fault } from '@rejoinder/base/fault';
import { Database } from '@rejoinder/runtime/database';
import { Drain } from '@rejoinder/runtime/drain';
import type { Logger } from '@rejoinder/runtime/logging';
import { LOGGER, SETTINGS } from '@rejoinder/runtime/tokens';
import type { GatewaySettings } from '../config.js';
import { CalledBy, CallerId, TenantId } from '../people/caller.js';
import { tenantOfKey, type Tx } from '../people/tenant-store.js';
import { FromHeader, Route, V1 } from '../web/route.js';
import { Feed } from './feed.js';
import { stream } from './sse.js';

const maxListeners = 1_000;
const heartbeatMs = 15_000;
/** Nobody listens for longer than this with a key that was ended. */
const keyStandsEveryMs = 5_000;
const retryAfterMs = 5_000;
const busy = 'Too many streams are open here: try again shortly.';

const lastEventId = z
  .string()
  .regex(/^\d{1,15}$/, 'must be the id of an event')
  .meta({ description: 'Resumes after this event; without it the stream begins now', examples: ['4711'] })
  .transform(Number)
  .optional();

@V1('events')
export class EventsApi {
  #listeners = 0;

  constructor(
    private readonly feed: Feed,
    private readonly database: Database<Tx>,
    private readonly drain: Drain,
    @Inject(SETTINGS) private readonly settings: GatewaySettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Route({
    method: 'GET',
    says: 'What happens, as it happens: ids and states. EventsMissed: you were away for longer than events are kept, so look at everything anew',
    result: 'A stream that stays open',
    answers: 'events',
    refuses: { 429: [{ code: 'STREAMS_BUSY', detail: busy, retry_after_ms: retryAfterMs }] },
  })
  async events(
    @TenantId() tenantId: string,
    @CallerId() callerId: string,
    @CalledBy() calledBy: string,
    @FromHeader('Last-Event-ID', lastEventId) seen: number | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (request.method === 'HEAD') return void reply.type('text/event-stream').send();
    if (this.#listeners >= maxListeners || this.drain.closing.aborted) {
      throw new Fault('busy', 'STREAMS_BUSY', busy, retryAfterMs);
    }
    this.#listeners++;
    const isOut = new AbortController();
    const look = calledBy === 'api' ? setInterval(() => void this.#lookAtKey(callerId, isOut), keyStandsEveryMs) : undefined;
    try {
      const start = await this.feed.startAfter(seen);
      reply.hijack();
      reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...streamHeaders });
      const times = { heartbeatMs, slowMs: this.settings.eventsSlowSeconds * 1_000 };
      const end = await stream(reply.raw, this.feed, { tenantId, ...start }, times, AbortSignal.any([this.drain.closing, isOut.signal]));
      if (end === 'slow') this.logger.info({ tenantId }, 'cut a reader of events that took nothing');
    } finally {
      clearInterval(look);
      this.#listeners--;
    }
  }

  /** While the database does not answer nobody is put out: the key stood when it was last asked. */
  async #lookAtKey(sha256Hex: string, isOut: AbortController): Promise<void> {
    const key = Buffer.from(sha256Hex, 'hex');
    const tenantId = await this.database.read('all_tenants', (tx) => tenantOfKey(tx, key)).catch(() => 'unknown');
    if (tenantId === undefined) isOut.abort();
  }
}

const streamHeaders = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
