// Tests import the packages' own sources, so that no build stands between an edit and its test.
import { defineConfig } from 'vitest/config';

const conditions = ['@rejoinder/source', 'node', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['libs/*/{src,test}/**/*.test.ts', 'services/*/{src,test}/**/*.test.ts', 'bench/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    setupFiles: ['test/tries.ts'],
    // A busy CI machine may stall a real server for seconds; on a desk a flaw is to be seen at once. `npm test` names at its end what was retried.
    retry: process.env.CI ? 1 : 0,
  },
});
