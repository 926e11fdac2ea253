/** What kafkajs does not tell of itself: its pinned version and a test hold it. */
declare module 'kafkajs/src/network/requestQueue/index.js' {
  import type { Logger } from 'kafkajs';

  export default class RequestQueue {
    constructor(options: { clientId: string; broker: string; requestTimeout: number; enforceRequestTimeout: boolean; logger: Logger });
    pending: unknown[];
    throttledUntil: number;
    push(request: {
      entry: { correlationId: number; apiName: string; resolve: () => void };
      expectResponse: boolean;
      sendRequest: () => void;
    }): void;
    checkPendingRequests(): void;
    scheduleCheckPendingRequests(): void;
  }
}
