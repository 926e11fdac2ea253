// The transport in a real Nest application: handlers are found by their decorators, and nothing between swallows what they throw.
import { create, toBinary } from '@bufbuild/protobuf';
import { ROOT_CONTEXT, trace, type Context, type Link, type Span, type SpanOptions, type Tracer } from '@opentelemetry/api';
import { Catch, Controller, Injectable, Module, type ExceptionFilter, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type pg from 'pg';
import 'reflect-metadata';
import { of } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '@rejoinder/base/clock';
import { newId } from '@rejoinder/base/id';
import { MailCapturedSchema, MailsObservedSchema } from '@rejoinder/contracts/events/sync';
import { isOutage } from '@rejoinder/runtime/outage';
import { settle } from '@rejoinder/testing/settle';
import { BusServer } from '@rejoinder/bus/bus-server';
import { DeadLetters } from '@rejoinder/bus/dead-letters';
import { done, type Outcome, type Received } from '@rejoinder/bus/event';
import type { EventLog } from '@rejoinder/bus/event-log';
import { On, OnAssigned, topicsOf } from '@rejoinder/bus/on';
import { localDriver, type Driver } from './drivers.js';
import { eventOf } from './scenes.js';
import { openPool, PlainTransactions } from './service-database.js';
import { quietLogger } from './victim.js';

@Injectable()
class Memory {
  captured: Received<typeof MailCapturedSchema>[] = [];
  observed: Received<typeof MailsObservedSchema>[] = [];
  assigned: number[][] = [];
  fail: (() => Error | undefined) | undefined;
}

@Controller()
class Handlers {
  constructor(private readonly memory: Memory) {}

  @On(MailCapturedSchema)
  async mailCaptured(batch: Received<typeof MailCapturedSchema>[]): Promise<Outcome> {
    const error = this.memory.fail?.();
    if (error) throw error;
    this.memory.captured.push(...batch);
    return done;
  }

  @On(MailsObservedSchema)
  async mailsObserved(batch: Received<typeof MailsObservedSchema>[]): Promise<Outcome[]> {
    this.memory.observed.push(...batch);
    return batch.map(() => done);
  }

  @OnAssigned('rejoinder.sync.v1')
  async assigned(partitions: number[]): Promise<void> {
    this.memory.assigned.push(partitions);
  }
}

/** The worst a global filter can do: it answers errors with success. */
@Catch()
class Swallow implements ExceptionFilter {
  catch() {
    return of(undefined);
  }
}

@Module({ controllers: [Handlers], providers: [Memory] })
class App {}

describe('the bus in a Nest application', () => {
  let driver: Driver;
  let pool: pg.Pool;
  let log: EventLog;
  const apps: INestMicroservice[] = [];

  beforeAll(async () => {
    driver = await localDriver();
    pool = openPool(driver.databaseUrl);
    log = driver.open();
    await log.ensureTopics();
  });
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });
  afterAll(async () => {
    await log.close();
    await pool.end();
    await driver.stop();
  });

  const start = async (service: string, module: Type = App) => {
    const deadLetters = new DeadLetters(
      new PlainTransactions(pool, 'threading'),
      systemClock(),
      async (_tenant, _row, bytes) => bytes,
      async (_tenant, _row, bytes) => bytes,
    );
    const bus = new BusServer({ service, log, deadLetters, isOutage, logger: quietLogger });
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, { strategy: bus, logger: false });
    app.useGlobalFilters(new Swallow());
    await app.listen();
    apps.push(app);
    return { bus, memory: app.get(Memory), deadLetters };
  };

  it('gives each handler its own type from every topic that carries it, decoded', async () => {
    const { bus, memory } = await start('one');
    const tenant = newId();
    expect(topicsOf(MailsObservedSchema)).toEqual(['rejoinder.sync.internal.v1', 'rejoinder.sync.history.v1']);
    const value = toBinary(MailCapturedSchema, create(MailCapturedSchema, { mailId: 'm1' }));
    await log.publish([
      eventOf(tenant, 'a', 1, { value }),
      eventOf(tenant, 'a', 2, { type: 'MailsObserved', topic: 'rejoinder.sync.internal.v1', value: new Uint8Array() }),
      eventOf(tenant, 'a', 3, { type: 'MailsObserved', topic: 'rejoinder.sync.history.v1', value: new Uint8Array(), historical: true }),
      eventOf(tenant, 'a', 4, { type: 'CaptureFailed', value: new Uint8Array() }),
    ]);
    await settle('all to be handled', () => bus.counts().handled === 3 && bus.counts().skipped.no_handler === 1);
    expect(memory.captured[0]!.message.mailId).toBe('m1');
    expect(memory.observed.map((one) => one.event.topic).toSorted()).toEqual(['rejoinder.sync.history.v1', 'rejoinder.sync.internal.v1']);
    expect(memory.assigned.at(-1)!.length).toBe(12);
    await settle('health', () => bus.health().length === 0);
    const { rows } = await pool.query<{ group: string }>(
      `select distinct "group" from bus.member where "group" like 'rejoinder.one%' order by 1`,
    );
    expect(rows.map((row) => row.group)).toEqual(['rejoinder.one', 'rejoinder.one.history']);
  });

  it('sees what a handler throws although a filter would swallow it: waits for outages, buries bugs, replays', async () => {
    const { bus, memory, deadLetters } = await start('two');
    let outages = 6;
    memory.fail = () => (outages-- > 0 ? Object.assign(new Error('gone'), { code: '08006' }) : undefined);
    const tenant = newId();
    const sent = eventOf(tenant, 'b', 1);
    await log.publish([sent]);
    await settle('it to be handled at last', () => memory.captured.some((one) => one.event.id === sent.id));
    expect(bus.counts().dead).toBe(0);
    expect(bus.counts().retried).toBe(6);
    memory.fail = () => new TypeError('a bug');
    await log.publish([eventOf(tenant, 'b', 2)]);
    await settle('it to be buried', () => bus.counts().dead === 1);
    memory.fail = undefined;
    const [letter] = (await deadLetters.waiting(new Date())).filter(({ tenantId }) => tenantId === tenant);
    expect(letter).toMatchObject({ reason: 'handler threw TypeError', type: 'MailCaptured' });
    expect(await bus.replay(letter!.deadLetterId)).toEqual(done);
    expect(memory.captured.at(-1)!.event.sequence).toBe(2n);
  });

  it('refuses two handlers of one event', async () => {
    @Controller()
    class Other {
      @On(MailCapturedSchema)
      async again(_batch: Received<typeof MailCapturedSchema>[]): Promise<Outcome> {
        return done;
      }
    }
    @Module({ controllers: [Handlers, Other], providers: [Memory] })
    class Double {}
    await expect(start('three', Double)).rejects.toThrow('two handlers');
  });

  it('handles a batch in a span that links the trace of each event', async () => {
    const links: Link[][] = [];
    const real = trace.wrapSpanContext({ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1 });
    const startSpan = (_name: string, options?: SpanOptions, _context?: Context): Span => {
      links.push(options?.links ?? []);
      return real;
    };
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: () => undefined }) as unknown as Tracer });
    expect(trace.getSpan(ROOT_CONTEXT)).toBeUndefined();
    const { bus } = await start('four');
    const before = bus.counts().handled;
    const traceId = 'e'.repeat(32);
    await log.publish([eventOf(newId(), 'c', 1, { traceparent: `00-${traceId}-${'f'.repeat(16)}-01` })]);
    await settle('it to be handled', () => bus.counts().handled > before && links.flat().some((link) => link.context.traceId === traceId));
    trace.disable();
  });
});
