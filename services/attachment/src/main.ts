// Runs this role alone.
import { main } from '@rejoinder/runtime/main';

await main('attachment', async () => [(await import('./role.js')).role]);
