// Runs this role alone.
import { main } from '@rejoinder/runtime/main';

await main('gateway', async () => [(await import('./role.js')).role]);
