// How Node runs our processes: as `npm start` does. Memory goes before speed there, since a pod holds thousands of inboxes: young objects have little room
// (--max-semi-space-size), and the heap may be half again as large as what lives in it (--heap-growing-percent).
import { readFileSync } from 'node:fs';

const manifest = new URL('../../../package.json', import.meta.url);
const { scripts } = JSON.parse(readFileSync(manifest, 'utf8')) as { scripts: { start: string } };

/** What stands between `node` and the program. */
export const nodeFlags = scripts.start.split(' ').filter((word) => word.startsWith('--'));
