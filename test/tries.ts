// Notes on each test how often it was tried, and what it said before it passed, for the last lines of `npm test`.
import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { afterEach } from 'vitest';

// A second try of a property meets the same examples: what fails for one of them fails again.
fc.configureGlobal({ seed: randomInt(2 ** 31) });

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
