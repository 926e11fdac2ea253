// Notes on each test how often it was tried, for the last lines of `npm test`.
import { afterEach } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    tries?: number;
  }
}

afterEach(({ task }) => {
  task.meta.tries = (task.result?.retryCount ?? 0) + 1;
});
