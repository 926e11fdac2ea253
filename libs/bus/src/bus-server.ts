// The bus as a transport of NestJS: finds a service's handlers, subscribes to their topics, and gives them their batches.
import type { EventEmitter } from 'node:events';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { topics } from '@rejoinder/contracts/topics';
import { BatchHandler, type Invoke } from './batch-handler.js';
import { Counters, type BusCounts } from './counters.js';
import type { DeadLetters } from './dead-letters.js';
import type { Outcome } from './event.js';
import type { Consumer, EventLog, TopicPartition } from './event-log.js';
import type { BusLogger } from './logger.js';
import { assignedPattern, busTransport, eventPattern, Thrown } from './on.js';

export interface BusServerOptions {
  /** Names the consumer groups. */
  service: string;
  log: EventLog;
  deadLetters: DeadLetters;
  /** Outages of the service's own database are waited for; anything else that a handler throws is the event's or its own fault. */
  isOutage: (error: unknown) => boolean;
  logger: BusLogger;
}

/** Consumer groups of a service: one for what is fresh, one for the slow lane. */
export const groupsOf = (service: string) => ({ fresh: `rejoinder.${service}`, history: `rejoinder.${service}.history` });

const isHistory = (topic: string) => topic.endsWith('.history.v1');

/** Give it to Nest as the strategy of a microservice; handlers are controllers' methods with `@On`. */
export class BusServer extends Server implements CustomTransportStrategy {
  override readonly transportId = busTransport;
  override readonly propagatesEventHandlerErrors = true;
  readonly #counters = new Counters();
  readonly #batches: BatchHandler;
  readonly #consumers: Consumer[] = [];
  #closing: Promise<void> | undefined;

  constructor(private readonly options: BusServerOptions) {
    super();
    const { service, deadLetters, isOutage } = options;
    const handlerOf = (topic: string, type: string) => this.#invoker(eventPattern(topic, type));
    this.#batches = new BatchHandler({ service, deadLetters, isOutage, logger: options.logger, counters: this.#counters, handlerOf });
  }

  /** Called by Nest once all handlers are known. */
  listen(callback: (error?: unknown) => void): void {
    this.#start().then(() => callback(), callback);
  }

  /** Finishes the batches in hand, gives the partitions back: when the role is to end, and again by Nest, once it does. */
  close(): Promise<void> {
    return (this.#closing ??= Promise.all(this.#consumers.splice(0).map((consumer) => consumer.close())).then(() => undefined));
  }

  /** What keeps this service from its events, one sentence each. */
  health(): string[] {
    const states = this.#consumers.map((consumer) => consumer.health());
    return states
      .map(({ running, reason }) => reason ?? (running ? undefined : 'a consumer has stopped'))
      .filter((reason) => reason !== undefined);
  }

  /** Since the start of this process. */
  counts(): BusCounts {
    return this.#counters.read();
  }

  /** Hands a dead letter to its handler again. */
  replay(deadLetterId: string): Promise<Outcome> {
    return this.options.deadLetters.replay(deadLetterId, (event) => this.#batches.handleOne(event));
  }

  override on<EventKey extends string>(event: EventKey): void {
    throw new Error(`the bus has no event ${event} to listen to`);
  }

  override unwrap<T = EventEmitter>(): T {
    throw new Error('the bus has no inner client to hand out');
  }

  async #start(): Promise<void> {
    const handled = Object.keys(topics).filter((topic) => this.#handles(topic));
    this.#refuseDoubles();
    const { fresh, history } = groupsOf(this.options.service);
    const lanes = [
      { group: fresh, topics: handled.filter((topic) => !isHistory(topic)) },
      { group: history, topics: handled.filter(isHistory) },
    ];
    for (const lane of lanes.filter((one) => one.topics.length > 0)) this.#consumers.push(await this.#consume(lane.group, lane.topics));
  }

  #consume(group: string, ofTopics: string[]): Promise<Consumer> {
    const assignedTopics = ofTopics.filter((topic) => this.messageHandlers.has(assignedPattern(topic)));
    return this.options.log.consume({
      group,
      topics: ofTopics,
      handle: (batch, signal) => this.#batches.handle(batch, signal),
      onAssigned: assignedTopics.length > 0 ? (partitions) => this.#assigned(assignedTopics, partitions) : undefined,
      onOffsetLost: (at) => this.options.logger.error({ group, ...at }, 'an offset has left the log: events are missing; republish them'),
    });
  }

  async #assigned(ofTopics: string[], held: TopicPartition[]): Promise<void> {
    for (const topic of ofTopics) {
      const partitions = held.filter((one) => one.topic === topic).map((one) => one.partition);
      await answer(this.messageHandlers.get(assignedPattern(topic))!, partitions);
    }
  }

  #handles(topic: string): boolean {
    return [...this.messageHandlers.keys()].some(
      (pattern) => pattern === assignedPattern(topic) || pattern.startsWith(eventPattern(topic, '')),
    );
  }

  /** Nest would call both and join their answers; what one says must not hide what the other throws. */
  #refuseDoubles(): void {
    for (const [pattern, handler] of this.messageHandlers) {
      if (handler.next) throw new Error(`${pattern} has two handlers in ${this.options.service}: an event is taken in one place`);
    }
  }

  #invoker(pattern: string): Invoke | undefined {
    const handler = this.messageHandlers.get(pattern);
    return handler && ((batch) => answer(handler, batch) as Promise<Outcome | Outcome[]>);
  }
}

/** Nest hands out promises of values or of observables. */
async function answer(handler: MessageHandler, argument: unknown): Promise<unknown> {
  const result: unknown = await handler(argument);
  const value: unknown = isObservable(result) ? await lastValueFrom(result, { defaultValue: undefined }) : result;
  if (value instanceof Thrown) throw value.error;
  return value;
}
