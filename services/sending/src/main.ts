// Runs this role alone.
import { main } from '@rejoinder/runtime/main';

await main('sending', async () => [(await import('./role.js')).role]);
