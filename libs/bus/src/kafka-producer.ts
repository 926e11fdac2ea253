// Publishes to Kafka: idempotent, in order, and with a new producer after every failure.
import type { Message, Producer, TopicMessages } from 'kafkajs';
import { encodeHeaders } from './cloud-event.js';
import type { OutboundEvent } from './event.js';
import { kafkaClient, type KafkaConnection } from './kafka-client.js';
import { partitionOn } from './partition.js';

const requestTimeoutMs = 5_000;
/** Enough for a partition whose leader is just being made; what takes longer is the relay's to try again. */
const retries = 4;
/** Below Kafka's limit of 1 MB for what one request brings to a partition, with room for headers. */
const partitionBytes = 600_000;
const headerBytes = 500;

/**
 * One call at a time, and none after a failure with the same producer: kafkajs gives a failed batch's sequence numbers to the next batch, and a
 * broker that had the first one after all takes the second for its double and drops it in silence.
 */
export class KafkaPublisher {
  #producer: Producer | undefined;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(private readonly connection: KafkaConnection) {}

  publish(events: OutboundEvent[]): Promise<void> {
    const publishing = this.#last.then(() => this.#publish(events));
    this.#last = publishing.catch(() => undefined);
    return publishing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#drop();
  }

  async #publish(events: OutboundEvent[]): Promise<void> {
    if (this.#closed) throw new Error('the log is closed');
    try {
      for (const topicMessages of requestsOf(events)) {
        this.#producer ??= await this.#connect();
        await this.#producer.sendBatch({ acks: -1, timeout: requestTimeoutMs, topicMessages });
      }
    } catch (error) {
      await this.#drop();
      throw error;
    }
  }

  async #connect(): Promise<Producer> {
    const retry = { initialRetryTime: 100, maxRetryTime: 500, retries };
    const kafka = kafkaClient(this.connection, { requestTimeout: requestTimeoutMs, retry });
    // Partitions are given with each message; a partitioner of its own only spares kafkajs' warning.
    const producer = kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      retry,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition!,
    });
    await producer.connect();
    return producer;
  }

  /** Its sockets are closed, so that nothing of it can arrive behind its successor. */
  async #drop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.disconnect().catch(() => undefined);
  }
}

/** Requests that bring no partition more than it takes at once, each in order. */
export function requestsOf(events: OutboundEvent[]): TopicMessages[][] {
  const requests: OutboundEvent[][] = [];
  let bytes = new Map<string, number>();
  for (const event of events) {
    const place = `${event.topic}/${partitionOn(event.topic, event.key)}`;
    const size = (bytes.get(place) ?? 0) + event.value.length + event.key.length + headerBytes;
    const last = requests.at(-1);
    if (last && size <= partitionBytes) last.push(event);
    else {
      requests.push([event]);
      bytes = new Map();
    }
    bytes.set(place, requests.at(-1)!.length === 1 ? event.value.length + headerBytes : size);
  }
  return requests.map(byTopic);
}

function byTopic(events: OutboundEvent[]): TopicMessages[] {
  const groups = Map.groupBy(events, (event) => event.topic);
  return [...groups].map(([topic, ofTopic]) => ({ topic, messages: ofTopic.map(toMessage) }));
}

function toMessage(event: OutboundEvent): Message {
  return { key: event.key, value: Buffer.from(event.value), headers: encodeHeaders(event), partition: partitionOn(event.topic, event.key) };
}
