// Decorators for handlers: which events a method takes, by the schema of their message.
import { applyDecorators } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { DescMessage } from '@bufbuild/protobuf';
import { topics, type Topic, type TopicName } from '@rejoinder/contracts/topics';
import type { Handler } from './event.js';

/** Keeps the bus's handlers away from other transports of the same Nest app. */
export const busTransport = Symbol('rejoinder.bus');

/** What a handler threw, handed through Nest as a value: no exception filter can turn it into something else. */
export class Thrown {
  constructor(readonly error: unknown) {}
}

/** Goes on methods of this shape or a narrower one. */
type HandlerDecorator<Shape> = <Method extends Shape>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/**
 * Takes the events of one type, in batches: `@On(MailCapturedSchema) async mailCaptured(batch: Received<typeof MailCapturedSchema>[])`.
 * Without topics, from every topic that carries it.
 */
export function On<Schema extends DescMessage>(schema: Schema, ...from: TopicName[]): HandlerDecorator<Handler<Schema>> {
  const carriers = topicsOf(schema);
  const wrong = from.find((topic) => !carriers.includes(topic));
  if (carriers.length === 0) throw new Error(`${schema.typeName} is on no topic of the catalogue`);
  if (wrong !== undefined) throw new Error(`${wrong} does not carry ${schema.name}`);
  return pattern((from.length > 0 ? from : carriers).map((topic) => eventPattern(topic, schema.name)));
}

/** Takes every new assignment of a topic's partitions to this process, whole and confirmed: `async assigned(partitions: number[])`. */
export function OnAssigned(topic: TopicName): HandlerDecorator<(partitions: number[]) => Promise<void>> {
  return pattern([assignedPattern(topic)]);
}

export const eventPattern = (topic: string, type: string) => `${topic}/${type}`;
export const assignedPattern = (topic: string) => `${topic}@assigned`;

/** The topics of the catalogue that carry a message. */
export function topicsOf(schema: DescMessage): TopicName[] {
  const carries = ([, topic]: [string, Topic]) => topic.events.some((event) => event.typeName === schema.typeName);
  return Object.entries<Topic>(topics)
    .filter(carries)
    .map(([name]) => name as TopicName);
}

function pattern(patterns: string[]): HandlerDecorator<(argument: never) => Promise<unknown>> {
  const toNest = applyDecorators(EventPattern(patterns, busTransport));
  return (target, key, descriptor) => {
    const own = descriptor.value!;
    const caught = async function (this: unknown, argument: never): Promise<unknown> {
      try {
        return await own.call(this, argument);
      } catch (error) {
        return new Thrown(error);
      }
    };
    descriptor.value = caught as typeof own;
    toNest(target, key, descriptor);
  };
}
