// Tests import the packages' own sources, so that no build stands between an edit and its test.
import { defineConfig, type Plugin } from 'vitest/config';

/** A module with a fault planted in it, for tests of tests: `import('./module.ts?planted=…')`, where … is encoded JSON, [what stands there, what takes its place]. */
const planted: Plugin = {
  name: 'planted',
  enforce: 'pre',
  transform(code, id) {
    const found = /[?&]planted=([^&]+)/.exec(id);
    if (!found) return undefined;
    const [there, instead] = JSON.parse(decodeURIComponent(found[1]!)) as [string, string];
    if (code.split(there).length !== 2) throw new Error(`this does not stand there once: ${there}`);
    return code.replace(there, () => instead);
  },
};

const conditions = ['@rejoinder/source', 'node', 'default'];

export default defineConfig({
  plugins: [planted],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['libs/*/{src,test}/**/*.test.ts', 'services/*/{src,test}/**/*.test.ts', 'bench/src/**/*.test.ts', 'test/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    setupFiles: ['test/tries.ts'],
    // A busy CI machine may stall a real server for seconds; on a desk a flaw is to be seen at once. `npm test` names at its end what was retried.
    retry: process.env.CI ? 1 : 0,
  },
});
