// Tests import the packages' own sources, so that no build stands between an edit and its test.
import { defineConfig, type Plugin } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

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

/**
 * In the order of their names: those of the whole house, which compute more, spread among those of a service, which wait more, so that neither come all at
 * once; those of functions, which are over in a moment, at the end, where a long one would leave all workers but its own without work.
 */
class Spread extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const named = files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
    const of = (kind: string) => named.filter(({ moduleId }) => kindOf(moduleId) === kind);
    const spread = ['house', 'service'].flatMap((kind) => of(kind).map((file, at, { length }) => ({ file, at: at / length })));
    return [...spread.toSorted((a, b) => a.at - b.at).map(({ file }) => file), ...of('function')];
  }
}

const kindOf = (path: string) => (path.endsWith('.e2e.test.ts') ? 'house' : path.includes('/src/') ? 'function' : 'service');

const conditions = ['@rejoinder/source', 'node', 'default'];

export default defineConfig({
  plugins: [planted],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['libs/*/{src,test}/**/*.test.ts', 'services/*/{src,test}/**/*.test.ts', 'bench/src/**/*.test.ts', 'test/*.test.ts'],
    // Longer than settle() waits by default, which then says for what.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A test waits more than it computes: for servers to start, for a lease to end. On two cores, four share them well.
    maxWorkers: 4,
    sequence: { sequencer: Spread },
    setupFiles: ['test/tries.ts'],
    // A busy CI machine may stall a real server for seconds; on a desk a flaw is to be seen at once. `npm test` names at its end what was retried.
    retry: process.env.CI ? 1 : 0,
  },
});
