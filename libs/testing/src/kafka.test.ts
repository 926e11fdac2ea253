// Kafka keeps what it took, through an orderly restart and through a kill, and can be cut off.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Kafka as Client, logLevel } from 'kafkajs';
import { startKafka, type Kafka } from './kafka.js';
import { freePort } from './ports.js';
import { settle } from './settle.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';

let kafka: Kafka;
let proxy: TcpProxy;
beforeAll(async () => {
  const port = await freePort();
  proxy = await startTcpProxy({ port });
  kafka = await startKafka({ port, advertisedPort: proxy.port });
});
afterAll(async () => {
  await kafka?.stop();
  await proxy?.stop();
});

const client = () => new Client({ brokers: kafka.brokers, logLevel: logLevel.NOTHING, retry: { retries: 8, initialRetryTime: 50 } });

async function send(topic: string, ...values: string[]): Promise<void> {
  const producer = client().producer();
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value })) });
  await producer.disconnect();
}

async function receive(topic: string, count: number): Promise<string[]> {
  const seen: string[] = [];
  const consumer = client().consumer({ groupId: `readers-of-${topic}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(message.value!.toString()) });
  await settle(`${count} messages of ${topic}`, () => seen.length >= count && seen).finally(() => consumer.disconnect());
  return seen;
}

test('a produced message is consumed', async () => {
  await kafka.createTopics({ topic: 'plain', partitions: 1, config: { 'message.timestamp.type': 'LogAppendTime' } });
  await send('plain', 'one', 'two');
  expect(await receive('plain', 2)).toEqual(['one', 'two']);
});

test('a topic that nobody made is not made by writing to it', async () => {
  await expect(send('nobody-made-me', 'x')).rejects.toThrow(/does not host this topic/);
});

test('messages survive a restart and a kill', async () => {
  await kafka.createTopics({ topic: 'lasting' });
  await send('lasting', 'before');
  await kafka.restart();
  await send('lasting', 'between');
  await kafka.kill();
  await kafka.up();
  await send('lasting', 'after');
  expect(await receive('lasting', 3)).toEqual(['before', 'between', 'after']);
});

test('while it is paused, or its network is, nothing is answered', async () => {
  await kafka.createTopics({ topic: 'paused' });
  for (const [stop, go] of [
    [kafka.pause, kafka.resume],
    [proxy.pause, proxy.resume],
  ] as const) {
    stop();
    const sending = send('paused', 'x').then(() => 'sent');
    expect(await Promise.race([sending, new Promise((resolve) => setTimeout(resolve, 300, 'waiting'))])).toBe('waiting');
    go();
    expect(await sending).toBe('sent');
  }
});
