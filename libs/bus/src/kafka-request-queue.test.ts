// A connection to Kafka at rest does nothing, and one that the broker has slowed down still sends what waits.
import type { Logger } from 'kafkajs';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { afterEach, expect, test, vi } from 'vitest';
import './kafka-request-queue.js';

const restMs = 100;
const nothing = () => undefined;
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing } as unknown as Logger;
const queue = new RequestQueue({ clientId: 'test', broker: 'here:1', requestTimeout: 1_000, enforceRequestTimeout: false, logger });

afterEach(() => vi.restoreAllMocks());

test('at rest nothing is looked for', async () => {
  const looked = vi.spyOn(queue, 'checkPendingRequests');
  queue.scheduleCheckPendingRequests();
  await new Promise((resolve) => setTimeout(resolve, restMs));
  expect(looked).not.toHaveBeenCalled();
});

test('what waits for a broker that slows us down is sent once it may be', async () => {
  const sent = vi.fn<() => void>();
  queue.throttledUntil = Date.now() + restMs;
  queue.push({ entry: { correlationId: 1, apiName: 'Fetch', resolve: nothing }, expectResponse: false, sendRequest: sent });
  expect(sent).not.toHaveBeenCalled();
  await vi.waitFor(() => expect(sent).toHaveBeenCalledTimes(1), { timeout: 5_000 });
});
