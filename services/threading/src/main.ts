// Runs this role alone.
import { main } from '@rejoinder/runtime/main';

await main('threading', async () => [(await import('./role.js')).role]);
