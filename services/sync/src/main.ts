// Runs this role alone.
import { main } from '@rejoinder/runtime/main';

await main('sync', async () => [(await import('./role.js')).role]);
