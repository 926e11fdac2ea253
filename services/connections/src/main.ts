// Runs this role alone.
import { main } from '@rejoinder/runtime/main';

await main('connections', async () => [(await import('./role.js')).role]);
