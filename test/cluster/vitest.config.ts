// Tests against the Kubernetes that the kubeconfig names: `npm run test:cluster`.
import { fileURLToPath } from 'node:url';
import base from '../../vitest.config.js';

export default {
  ...base,
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { ...base.test, include: ['test/cluster/*.test.ts'], testTimeout: 600_000, hookTimeout: 600_000, fileParallelism: false },
};
