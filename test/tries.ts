// Notes on each test how often it was tried, and what it said before it passed, for the last lines of `npm test`.
import { afterEach } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    tries?: number;
    failures?: string[];
  }
}

afterEach(({ task }) => {
  task.meta.tries = (task.result?.retryCount ?? 0) + 1;
  task.meta.failures = task.result?.errors?.map(({ message }) => message);
});
