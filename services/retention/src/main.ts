// Runs this role alone.
import { main } from '@rejoinder/runtime/main';

await main('retention', async () => [(await import('./role.js')).role]);
