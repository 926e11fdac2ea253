// Runs this role alone.
import { main } from '@rejoinder/runtime/main';

await main('timeline', async () => [(await import('./role.js')).role]);
