// Runs the role alone in this process, from its sources, so that a test can kill it.
import { createServer } from 'vite';

const conditions = ['@rejoinder/source', 'node', 'import', 'default'];
const vite = await createServer({
  configFile: false,
  appType: 'custom',
  logLevel: 'error',
  server: { middlewareMode: true, ws: false, hmr: false, watch: null },
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  optimizeDeps: { noDiscovery: true },
});
await vite.ssrLoadModule('reflect-metadata');
const { openHouse } = await vite.ssrLoadModule('@rejoinder/runtime/house');
const { startRole } = await vite.ssrLoadModule('@rejoinder/runtime/role');
const { role } = await vite.ssrLoadModule(new URL('../src/role.ts', import.meta.url).pathname);
const house = await openHouse(process.env, { socketFolder: process.env.SOCKET_FOLDER });
await startRole(role, house, process.env);
process.stdout.write('running\n');
